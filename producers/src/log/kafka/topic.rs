//! The topics: made when they are missing, and held against what the log needs of them.
//!
//! In: the settings. Out: nothing, or what is wrong with the topic and how to put it right.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{ASK, KafkaSettings, explain, pass_on};
use crate::log::LogError;

/// For clients that only ask.
pub(super) struct Asking;

impl ClientContext for Asking {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        pass_on(level, facility, said);
    }
    fn error(&self, _: KafkaError, _: &str) {}
}
impl ConsumerContext for Asking {}

/// Makes the topics where they are missing and refuses those that can't hold the log. What is not as it should be with one that can is
/// given back, a sentence each.
pub(super) fn prepare(settings: &KafkaSettings) -> Result<Vec<String>, LogError> {
    let doing = format!("asking {} about its topics", settings.brokers);
    if settings.partitions == 0 {
        return Err(LogError::Settings("a log has at least 1 partition; 0 are configured".into()));
    }
    let asking: BaseConsumer<Asking> = settings.client().create_with_context(Asking).map_err(|error| explain(&doing, &error))?;
    for (topic, partitions) in [(&settings.topic, settings.partitions), (&settings.dead_letter_topic, 1)] {
        if count(&asking, topic, &doing)?.is_none() {
            make(settings, &asking, topic, partitions)?;
        }
    }
    let (found, topic) = (count(&asking, &settings.topic, &doing)?.unwrap_or(0), &settings.topic);
    hold_count(topic, found, settings.partitions)?;
    hold_configuration(settings)
}

/// Refuses a topic with another number of partitions than configured.
pub(super) fn hold_count(topic: &str, found: u32, configured: u32) -> Result<(), LogError> {
    if found == configured {
        return Ok(());
    }
    Err(LogError::Settings(format!(
        "the topic {topic} has {found} partitions and {configured} are configured; configure {found}, or use another topic: \
         events of one entity must stay in one partition"
    )))
}

/// How many partitions a topic has; none when it isn't there.
pub(super) fn count<C: ConsumerContext>(client: &BaseConsumer<C>, topic: &str, doing: &str) -> Result<Option<u32>, LogError> {
    count_within(client, topic, doing, ASK)
}

/// The same, giving up earlier.
pub(super) fn count_within<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    doing: &str,
    wait: Duration,
) -> Result<Option<u32>, LogError> {
    let metadata = client.fetch_metadata(Some(topic), wait).map_err(|error| explain(doing, &error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    match found.error().map(RDKafkaErrorCode::from) {
        None | Some(RDKafkaErrorCode::LeaderNotAvailable) => Ok(Some(found.partitions().len() as u32)),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => Err(explain(doing, &KafkaError::MetadataFetch(code))),
    }
}

fn make(settings: &KafkaSettings, asking: &BaseConsumer<Asking>, topic: &str, partitions: u32) -> Result<(), LogError> {
    if !settings.create_topics {
        return Err(LogError::Settings(format!(
            "there is no topic {topic} at {}; make it with {partitions} partitions, retention.ms=-1 and \
             message.timestamp.type=LogAppendTime, or let onpace make it",
            settings.brokers
        )));
    }
    let doing = format!("making the topic {topic}");
    let made = with_admin(settings, &doing, async |admin| {
        let new = NewTopic::new(topic, partitions as i32, TopicReplication::Fixed(-1))
            .set("retention.ms", "-1")
            .set("retention.bytes", "-1")
            .set("cleanup.policy", "delete")
            // When a message was recorded is for the brokers to say, not for its sender.
            .set("message.timestamp.type", "LogAppendTime");
        admin.create_topics([&new], &AdminOptions::new().request_timeout(Some(ASK)).operation_timeout(Some(ASK))).await
    })?;
    for result in made {
        match result {
            // Another process was faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(explain(&doing, &KafkaError::AdminOp(code))),
        }
    }
    let until = Instant::now() + ASK;
    while count(asking, topic, &doing)?.is_none_or(|found| found == 0) {
        if Instant::now() > until {
            return Err(LogError::Away(format!("{doing}: made, but not there after {} s", ASK.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    tracing::info!(topic, partitions, "made the topic");
    Ok(())
}

/// Refuses a topic that keeps only the last patch of an entity; says what else is not as it should be, and warns of it.
fn hold_configuration(settings: &KafkaSettings) -> Result<Vec<String>, LogError> {
    let topic = settings.topic.as_str();
    let doing = format!("asking for the configuration of the topic {topic}");
    let described = with_admin(settings, &doing, async |admin| {
        admin.describe_configs([&ResourceSpecifier::Topic(topic)], &AdminOptions::new().request_timeout(Some(ASK))).await
    });
    let mut remarks = Vec::new();
    match described.map(|resources| resources.into_iter().next()) {
        Ok(Some(Ok(resource))) => {
            let value = |name| resource.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or_default();
            if value("cleanup.policy").contains("compact") {
                return Err(LogError::Settings(format!(
                    "the topic {topic} is compacted, which deletes events: an entity is the sum of them; set its cleanup.policy=delete"
                )));
            }
            for limit in ["retention.ms", "retention.bytes"] {
                if !matches!(value(limit), "" | "-1") {
                    remarks.push(format!(
                        "the topic {topic} has {limit}={}: it forgets, and what it forgot can't be counted again; set it to -1",
                        value(limit)
                    ));
                }
            }
            if !matches!(value("message.timestamp.type"), "" | "LogAppendTime") {
                remarks.push(format!(
                    "the topic {topic} has message.timestamp.type={}: when a message was recorded is its sender's word, and so is how \
                     fresh the numbers are; set it to LogAppendTime",
                    value("message.timestamp.type")
                ));
            }
        }
        // Not everybody may ask; then nothing is known against it.
        other => remarks.push(format!(
            "how the topic {topic} is configured is not known ({:?}); make sure of retention.ms=-1 and message.timestamp.type=LogAppendTime",
            other.map(|found| found.map(|one| one.err()))
        )),
    }
    for remark in &remarks {
        tracing::warn!("{remark}");
    }
    Ok(remarks)
}

/// Asks the admin client, on a thread of its own: its answers are futures, and the caller may be on a runtime's thread.
fn with_admin<T: Send>(
    settings: &KafkaSettings,
    doing: &str,
    ask: impl AsyncFnOnce(&AdminClient<DefaultClientContext>) -> Result<T, KafkaError> + Send,
) -> Result<T, LogError> {
    let asked = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let admin: AdminClient<_> = settings.client().create().map_err(|error| explain(doing, &error))?;
            let runtime =
                tokio::runtime::Builder::new_current_thread().build().map_err(|error| LogError::Away(format!("{doing}: {error}")))?;
            runtime.block_on(ask(&admin)).map_err(|error| explain(doing, &error))
        });
        asking.join()
    });
    asked.unwrap_or_else(|_| Err(LogError::Away(format!("{doing}: its thread panicked"))))
}

/// Whether an error of a response says that the topic is not there or not for this client.
pub(super) fn is_about_the_topic(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
    )
}
