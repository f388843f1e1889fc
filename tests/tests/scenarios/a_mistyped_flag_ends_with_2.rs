//! What is wrong on the command line ends with 2 and one line that names the flag, whoever notices it; what fails ends with 1.

use onpace_tests::onpace::bare;

#[test]
fn a_mistyped_flag_ends_with_2() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ask = |command: &str, arguments: &[&str]| {
        let output = bare(command).args(arguments).current_dir(folder.path()).output().expect("onpace runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (flag, value) in [
        ("--by", "foo"),
        ("--window", "foo"),
        ("--kpi", "calls_mad"),
        ("--at", "2026-01-32"),
        ("--period", "2026-13"),
        ("--every", "moon"),
        ("--time-zone", "Foo/Bar"),
        ("--currency", "euro"),
        ("--only", "marie"),
    ] {
        let (code, words) = ask("kpis", &[flag, value]);
        assert_eq!((code, words.lines().count()), (Some(2), 1), "{flag} {value}: {words}");
        assert!(words.starts_with(&format!("onpace: {flag}")), "{words}");
    }
    assert_eq!(ask("up", &["--kafka", "127.0.0.1:1"]).0, Some(2));
    // Nothing is wrong with these but the world.
    assert_eq!(ask("kpis", &["--redis", "redis://127.0.0.1:1"]).0, Some(1));
    assert_eq!(ask("kpis", &["--roster", "nowhere.yaml"]).0, Some(1));
}
