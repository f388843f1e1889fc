//! A hundred clients ask for a large answer and read nothing of it: the process's memory stays bounded, who reads is answered
//! meanwhile, and who doesn't is dropped.

use std::io::Read;
use std::time::Duration;

use onpace_tests::servers::wait_until;
use onpace_tests::serving::{Serving, call};

/// Enough for an answer of megabytes.
const REPS: usize = 800;
const CLIENTS: usize = 100;
/// The memory that answers may take.
const ANSWERS_MIB: u64 = 32;
/// What the rest of the work may take beside them: a few answers while they are worked out, and what the allocator keeps of these.
const WORK_MIB: u64 = 256;

#[test]
fn answers_nobody_reads_are_bounded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let up = Serving::calls(REPS, folder.path(), &[("ONPACE_ANSWERS_MIB", &ANSWERS_MIB.to_string()), ("ONPACE_QUESTIONS", "2")]);

    let large = "/v1/kpis?by=rep&window=month&window=today";
    let whole = up.patiently(|up| up.get(large));
    assert_eq!(whole.status, 200);
    assert!(whole.body.len() > 6 << 20, "{} bytes are not enough to show anything", whole.body.len());
    // Once more, so that what a few answers take for good is counted before.
    up.patiently(|up| up.get(large));
    let (files, before) = (up.files(), up.memory_kib());

    let request = format!("GET {large} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let clients: Vec<_> = (0..CLIENTS).map(|_| up.unread(&request)).collect();
    let mut most = 0;
    for round in 0..20 {
        most = most.max(up.memory_kib());
        for path in ["/healthz", "/metrics"] {
            assert_eq!(up.get(path).status, 200, "{path} in round {round}");
        }
        assert_eq!(up.patiently(|up| up.get("/v1/kpis?window=today&kpi=calls_made")).status, 200);
        let posted = up.post("application/json", call(REPS + round, round).as_bytes());
        assert_eq!(posted.status, 202, "{posted:?}");
        most = most.max(up.memory_kib());
        std::thread::sleep(Duration::from_millis(300));
    }
    let answered = up.patiently(|up| up.get(large));
    assert!(answered.status == 200 && answered.body.len() > 6 << 20, "who reads is answered: {}", answered.status);
    let more_mib = most.saturating_sub(before) / 1024;
    println!("{} bytes an answer; memory {} MiB, at most {more_mib} MiB more", whole.body.len(), before / 1024);
    assert!(more_mib < ANSWERS_MIB + WORK_MIB, "{CLIENTS} clients that read nothing cost {more_mib} MiB");

    wait_until("they are dropped", Duration::from_secs(60), || up.connections() == 0 && up.files() <= files + 4);
    for mut client in clients {
        let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
        let mut taken = Vec::new();
        // A connection that is cut may end with an error.
        let _ = client.read_to_end(&mut taken);
        assert!(taken.len() < whole.body.len(), "an answer that nobody read is not kept");
    }
    let said = up.process.output();
    assert!(said.contains("took nothing of its answer") || said.contains("take all the room"), "{}", up.process.tail());
}
