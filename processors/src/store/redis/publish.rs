//! Publishes the current rolling KPIs as plain hashes, for whoever would rather read Redis than Prometheus.
//!
//! In: hashes. Out: the same under `onpace:kpi:…`, replaced whole, in one step, by the one sink that holds the lease; they go
//! of themselves once nobody publishes any more, so that nobody reads old numbers as fresh.

use std::sync::PoisonError;
use std::time::Duration;

use super::Inner;
use super::wire::{Commands, Link, Value, refused};
use crate::store::StoreError;

/// Publishes hashes, if `holder` has the lease or it is free: whether it did.
pub fn publish(store: &Inner, holder: &str, ttl: Duration, hashes: &[(String, Vec<(String, String)>)]) -> Result<bool, StoreError> {
    let mut kept = store.publisher.lock().unwrap_or_else(PoisonError::into_inner);
    let mut link = match kept.take() {
        Some(link) => link,
        None => store.connect()?,
    };
    let held = publish_on(store, &mut link, holder, ttl, hashes)?;
    // After an error the connection is not used again.
    *kept = Some(link);
    Ok(held)
}

fn publish_on(
    store: &Inner,
    link: &mut Link,
    holder: &str,
    ttl: Duration,
    hashes: &[(String, Vec<(String, String)>)],
) -> Result<bool, StoreError> {
    let lease = store.keys.published("lease");
    let ttl = ttl.as_millis().max(1).to_string();
    let mut commands = Commands::default();
    commands.command(&[b"WATCH", lease.as_bytes()]).command(&[b"GET", lease.as_bytes()]);
    let holds = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
    commands.clear();
    if holds != Value::Nil && holds.bytes() != Some(holder.as_bytes()) {
        commands.command(&[b"UNWATCH"]);
        link.ask(&commands)?;
        return Ok(false);
    }
    commands.command(&[b"MULTI"]).command(&[b"SET", lease.as_bytes(), holder.as_bytes(), b"PX", ttl.as_bytes()]);
    for (what, fields) in hashes {
        let key = store.keys.published(what);
        commands.command(&[b"DEL", key.as_bytes()]);
        if fields.is_empty() {
            continue;
        }
        commands.begin(b"HSET").arg(key.as_bytes());
        for (field, value) in fields {
            commands.arg(field.as_bytes()).arg(value.as_bytes());
        }
        commands.command(&[b"PEXPIRE", key.as_bytes(), ttl.as_bytes()]);
    }
    commands.command(&[b"EXEC"]);
    let executed = link.ask(&commands)?.pop().unwrap_or(Value::Nil);
    if executed == Value::Nil {
        return Ok(false);
    }
    for (at, reply) in executed.elements().iter().enumerate() {
        if let Value::Error(words) = reply {
            return Err(refused(link.place(), &commands.key_at(at + 1), words));
        }
    }
    Ok(true)
}
