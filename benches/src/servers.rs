//! The servers that a measurement needs, and the `onpace` processes. Stopped by their own process id when dropped.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Kafka's address.
pub fn kafka() -> Result<String> {
    std::env::var("ONPACE_TEST_KAFKA").context("ONPACE_TEST_KAFKA is not set: measure by `benches/run`, which starts Kafka")
}

/// A port of the loopback that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A process that is killed when it is dropped.
pub struct Process(Child);

impl Process {
    /// Starts a command that says nothing.
    pub fn start(command: &mut Command) -> Result<Process> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Process(child.with_context(|| format!("{command:?}"))?))
    }

    /// Its process id.
    pub fn id(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Redis of the measurement's own.
pub struct Redis {
    process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    /// Starts one; `appendonly` is `yes` (every write appended to its file, synced each second) or `no`.
    pub fn start(appendonly: &str) -> Result<Redis> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let binary = std::env::var("ONPACE_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let process = Process::start(
            Command::new(binary)
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", appendonly, "--dir"])
                .arg(folder.path()),
        )?;
        wait(port)?;
        Ok(Redis { process, port, _folder: folder })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its process id.
    pub fn id(&self) -> String {
        self.process.id()
    }

    /// Bytes that its data takes.
    pub fn used_bytes(&self) -> Result<f64> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        let info: String = redis::cmd("INFO").arg("memory").query(&mut connection)?;
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).context("Redis does not say what it uses")?;
        Ok(used.trim().parse()?)
    }
}

/// The `onpace` binary beside this one, or the one that is named: to measure two of them side by side.
pub fn onpace(arguments: &[&str]) -> Result<Command> {
    let binary = match std::env::var_os("ONPACE_BENCH_BINARY") {
        Some(binary) => binary.into(),
        None => std::env::current_exe()?.with_file_name("onpace"),
    };
    if !binary.exists() {
        bail!("there is no {}: build it with `cargo build --release -p onpace`, or measure by `benches/run`", binary.display());
    }
    let mut command = Command::new(binary);
    command.args(arguments).args(["--log", "warn"]);
    Ok(command)
}

/// Waits until something listens on a port of the loopback.
pub fn wait(port: u16) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > Duration::from_secs(30) {
            bail!("nothing listens on port {port} after 30 s");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A topic or group that no other measurement has.
pub fn unique(name: &str) -> String {
    format!("{name}-{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond())
}
