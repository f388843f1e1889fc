//! Dozens of questions that take long to work out: a scrape and the probes don't wait behind them, and of the questions each is
//! answered or told when to come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use onpace_tests::servers::wait_until;
use onpace_tests::serving::Serving;

const REPS: usize = 1_200;
const QUESTIONS: usize = 50;

#[test]
fn heavy_questions_hold_up_no_scrape() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let up = Serving::calls(REPS, folder.path(), &[]);

    let (begun, answered, told) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..QUESTIONS {
            let (up, begun, answered, told) = (&up, &begun, &answered, &told);
            scope.spawn(move || {
                // Each another instant, so that none is another's answer.
                let path = format!("/v1/kpis?by=rep&window=month&window=week&window=year&at=2026-02-01T10:00:{:02}Z", number % 60);
                begun.fetch_add(1, Ordering::SeqCst);
                let answer = up.get(&path);
                match answer.status {
                    200 => answered.fetch_add(1, Ordering::SeqCst),
                    429 | 503 if answer.head.contains("retry-after") && answer.head.contains("problem+json") => {
                        told.fetch_add(1, Ordering::SeqCst)
                    }
                    status => panic!("{status}: {:.300}", answer.body),
                };
            });
        }
        wait_until("all have asked", Duration::from_secs(30), || begun.load(Ordering::SeqCst) == QUESTIONS);
        std::thread::sleep(Duration::from_millis(300));
        for path in ["/metrics", "/healthz", "/readyz"] {
            assert_eq!(up.get(path).status, 200, "{path}");
        }
        let before = answered.load(Ordering::SeqCst);
        println!("the scrape was answered after {before} of {QUESTIONS} questions");
        assert!(before < QUESTIONS / 2, "the scrape waited for {before} questions");
    });
    let (answered, told) = (answered.into_inner(), told.into_inner());
    println!("{answered} answered, {told} told to come back");
    assert!(answered >= 4 && answered + told == QUESTIONS);
    assert_eq!(up.get("/v1/kpis?window=today&kpi=calls_made").status, 200, "and then all is as before");
}
