//! What can't be decoded, in the middle of the topic, goes to the dead letters; everything before and after it counts.

use std::io::Write;
use std::process::{Command, Stdio};

use onpace_tests::floor::{Floor, Torture, kafka};
use onpace_tests::servers::provided;

fn tool(floor: &Floor, arguments: &[&str], input: &[u8]) -> String {
    let mut tool = Command::new("java")
        .args(["-cp", &format!("{}/*", provided("ONPACE_TEST_KAFKA_LIB"))])
        .args(arguments)
        .args(["--bootstrap-server", floor.brokers()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Java runs");
    tool.stdin.take().expect("the tool's input").write_all(input).expect("input written");
    String::from_utf8_lossy(&tool.wait_with_output().expect("the tool ends").stdout).into_owned()
}

#[test]
fn a_poisonous_message_stops_nobody() {
    let torture = Torture::new(700, 1);
    let floor = Floor::on(kafka());
    let half = torture.delivered.len() / 2;
    floor.import("before", &torture.delivered[..half]);
    let poison = b"deal:poison\tnot Avro at all\ncall:x\t\xC3\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\ncall:y\t\xC3\n";
    let produce = ["org.apache.kafka.tools.ConsoleProducer", "--topic", floor.topic(), "--reader-property", "parse.key=true"];
    tool(&floor, &produce, poison);
    floor.import("after", &torture.delivered[half..]);
    floor.catch_up();
    floor.assert_equals_oracle(&torture);

    let letters = format!("{}.dead-letters", floor.topic());
    let consume = ["org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", &letters, "--from-beginning", "--max-messages", "3", "--timeout-ms", "20000"];
    let kept = tool(&floor, &consume, b"");
    assert!(kept.contains("not Avro at all"), "the dead letters hold: {kept:?}");
    assert_eq!(kept.lines().count(), 3, "the dead letters hold: {kept:?}");
}
