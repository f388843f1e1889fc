//! A real browser, without a window. In: an address. Out: the page as its scripts have left it.
//!
//! The browser is Chromium, named by `ONPACE_TEST_CHROMIUM` or found as `chromium`. It asks nobody but the address it is given.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::servers::Process;

static LOOKS: AtomicUsize = AtomicUsize::new(0);

/// For how long the page's own clock runs; it stands still while an answer is awaited, so this is no time of waiting.
const PAGE_CLOCK_MS: u32 = 8_000;

/// The page's elements once its scripts have run for a while, as markup, in English.
///
/// # Panics
/// There is no browser, or it shows nothing.
pub fn page(address: &str, folder: &Path) -> String {
    page_in(address, folder, "en-US")
}

/// As [`page`], for somebody who reads another language.
///
/// # Panics
/// There is no browser, or it shows nothing.
pub fn page_in(address: &str, folder: &Path, language: &str) -> String {
    look(address, folder, language, &["--no-proxy-server".into()])
}

/// As [`page`], where somebody else says where the addresses are: everything, also of the loopback, is asked of this proxy.
///
/// # Panics
/// There is no browser, or it shows nothing.
pub fn page_through(proxy: &str, address: &str, folder: &Path) -> String {
    look(address, folder, "en-US", &[format!("--proxy-server={proxy}"), "--proxy-bypass-list=<-loopback>".into()])
}

fn look(address: &str, folder: &Path, language: &str, more: &[String]) -> String {
    let browser = std::env::var("ONPACE_TEST_CHROMIUM").unwrap_or_else(|_| "chromium".into());
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]).args(more);
    command.args([&format!("--lang={language}"), &format!("--accept-lang={language}"), "--log-level=3"]);
    command.arg(format!("--user-data-dir={}", folder.join(format!("browser-{language}")).display()));
    command.arg(format!("--virtual-time-budget={PAGE_CLOCK_MS}")).args(["--dump-dom", address]);
    // What it shows is its own, however often a scenario looks.
    let name = format!("browser-{}", LOOKS.fetch_add(1, Ordering::Relaxed));
    let mut process = Process::start(command, folder, &name);
    let ended = process.wait(Duration::from_secs(120));
    let shown = process.output();
    assert!(ended.success() && shown.contains("</html>"), "the browser ended with {ended} and shows no page:\n{}", process.tail());
    shown
}

/// The text that markup shows, without its tags, with one space for each run of space.
pub fn text(markup: &str) -> String {
    let pieces = markup.split('<').enumerate().map(|(at, piece)| match at {
        0 => piece,
        _ => piece.split_once('>').map_or("", |(_, after)| after),
    });
    let joined = pieces.collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = joined.split_whitespace().collect();
    words.join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
