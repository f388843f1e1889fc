//! Who serves the store: a field a process, its value when it last said so (by Redis's clock), whether it ended, and its words.
//!
//! In: what a process says of itself. Out: those that serve, or served last.

use super::Inner;
use super::wire::{Commands, Link, Value, refused};
use crate::store::{Serving, StoreError, forgotten};

/// Notes how a process serves, or that it has ended.
pub fn note(store: &Inner, link: &mut Link, holder: &str, words: &str, ended: bool) -> Result<(), StoreError> {
    let key = store.keys.serving();
    let (now_ms, known) = read(store, link)?;
    let mut commands = Commands::default();
    for gone in forgotten(&known, holder, ended) {
        commands.command(&[b"HDEL", key.as_bytes(), gone.as_bytes()]);
    }
    let value = format!("{now_ms} {} {words}", u8::from(ended));
    commands.command(&[b"HSET", key.as_bytes(), holder.as_bytes(), value.as_bytes()]);
    match link.ask(&commands)?.into_iter().find_map(|reply| if let Value::Error(words) = reply { Some(words) } else { None }) {
        Some(words) => Err(refused(link.place(), &key, &words)),
        None => Ok(()),
    }
}

/// Everybody who serves, or served last.
pub fn all(store: &Inner, link: &mut Link) -> Result<Vec<Serving>, StoreError> {
    read(store, link).map(|(_, all)| all)
}

/// Redis's clock in milliseconds, and what is noted; a note that can't be read is nobody's.
fn read(store: &Inner, link: &mut Link) -> Result<(i64, Vec<Serving>), StoreError> {
    let key = store.keys.serving();
    let mut commands = Commands::default();
    commands.command(&[b"TIME"]).command(&[b"HGETALL", key.as_bytes()]);
    let [time, fields] = <[Value; 2]>::try_from(link.ask(&commands)?).unwrap_or([Value::Nil, Value::Nil]);
    let time: Vec<i64> = time.elements().iter().filter_map(|part| part.text().parse().ok()).collect();
    let now_ms = time.first().copied().unwrap_or_default() * 1_000 + time.get(1).copied().unwrap_or_default() / 1_000;
    let fields = fields.elements();
    let serving = |pair: &[Value]| {
        let text = pair.get(1)?.text();
        let mut parts = text.splitn(3, ' ');
        let (seen_ms, ended, words) = (parts.next()?.parse::<i64>().ok()?, parts.next()? == "1", parts.next()?);
        Some(Serving { holder: pair[0].text().into_owned(), words: words.to_owned(), age_ms: (now_ms - seen_ms).max(0), ended })
    };
    Ok((now_ms, fields.chunks(2).filter_map(serving).collect()))
}
