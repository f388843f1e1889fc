//! Real servers and processes that a scenario owns: started on free loopback ports in a temporary folder,
//! stopped by their own process id when they are dropped, also when the scenario fails.
//!
//! What `tests/run` provides comes by the environment; where it is missing the scenario fails and says so.

use std::borrow::BorrowMut;
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Long enough for a server to start on a busy machine.
const SERVER: Duration = Duration::from_secs(180);

/// The value of a variable that `tests/run` sets.
///
/// # Panics
/// It isn't set: the scenario can't run, and must not pass.
pub fn provided(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by `tests/run`, which starts the servers they need"))
}

/// Ports that no system lends to whoever connects somewhere: one of those may be lent again before its process listens.
const PORTS: Range<u16> = 10_000..32_000;

/// A port of the loopback that nobody listens on, and that nobody else here is given.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let begin = std::process::id() as u16;
    let port = (0..PORTS.len()).find_map(|_| {
        let nth = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) as usize % PORTS.len();
        let port = PORTS.start + nth as u16;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    });
    port.expect("a free port on the loopback")
}

/// Waits until something holds.
///
/// # Panics
/// It doesn't within `limit`.
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A process that is killed when it is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command; what it prints goes to a file in `folder`.
    ///
    /// # Panics
    /// It can't be started.
    pub fn start(mut command: impl BorrowMut<Command>, folder: &Path, name: &str) -> Process {
        let command = command.borrow_mut();
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).expect("a log file");
        let again = out.try_clone().expect("the log file twice");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(again)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
        Process { child, log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, `KILL`, `STOP`, `CONT`, `TERM`.
    ///
    /// # Panics
    /// The signal can't be sent.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().expect("kill runs");
        assert!(sent.success(), "SIG{name} could not be sent to {}", self.id());
    }

    /// Kills it with SIGKILL and waits for its end.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process can be asked")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It doesn't end within `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(begun.elapsed() < limit, "process {} does not end within {limit:?}:\n{}", self.id(), self.tail());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The last of what it printed.
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let from = text.char_indices().rev().nth(4_000).map_or(0, |(at, _)| at);
        text[from..].to_owned()
    }

    /// Everything it printed.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

/// Starts a server and waits until it answers; again, should it end: while it was away, its port may have been somebody's for a moment.
fn started(mut command: Command, folder: &Path, name: &str, mut answers: impl FnMut() -> bool) -> Process {
    let begun = Instant::now();
    let mut process = Process::start(&mut command, folder, name);
    loop {
        if process.ended().is_some() {
            std::thread::sleep(Duration::from_millis(500));
            process = Process::start(&mut command, folder, name);
        } else if answers() {
            return process;
        }
        assert!(begun.elapsed() < SERVER, "{name} does not answer within {SERVER:?}:\n{}", process.tail());
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A stopped process takes SIGKILL too.
        self.kill();
    }
}

/// A Redis of the scenario's own, whose data outlives its process.
pub struct Redis {
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Redis {
    /// Starts one that appends every write to its file.
    pub fn start(folder: &Path) -> Redis {
        let folder = folder.join("redis");
        std::fs::create_dir_all(&folder).expect("a folder for Redis");
        let mut redis = Redis { folder, port: free_port(), process: None };
        redis.resume();
        redis
    }

    /// Its address for `--redis`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process.
    ///
    /// # Panics
    /// It is stopped.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("Redis runs")
    }

    /// Starts it (again) on the data it has.
    pub fn resume(&mut self) {
        let binary = std::env::var("ONPACE_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let mut command = Command::new(binary);
        command
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
            ])
            .args(["--maxmemory-policy", "noeviction", "--dir"])
            .arg(&self.folder);
        let port = self.port;
        let answers = || ask(port, "PING\r\n").is_some_and(|answer| answer.starts_with("+PONG"));
        self.process = Some(started(command, &self.folder, "redis", answers));
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends an inline command and returns the beginning of the answer.
    ///
    /// # Panics
    /// There is no answer.
    pub fn command(&self, line: &str) -> String {
        ask(self.port, &format!("{line}\r\n")).unwrap_or_else(|| panic!("Redis does not answer to {line}"))
    }
}

fn ask(port: u16, line: &str) -> Option<String> {
    use std::io::Read;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(line.as_bytes()).ok()?;
    let mut answer = vec![0; 64 * 1024];
    let read = stream.read(&mut answer).ok()?;
    answer.truncate(read);
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// A Kafka broker of the scenario's own, whose data outlives its process.
pub struct Kafka {
    folder: PathBuf,
    port: u16,
    process: Option<Process>,
}

impl Kafka {
    /// Formats and starts one, in KRaft mode.
    ///
    /// # Panics
    /// It can't be started.
    pub fn start(folder: &Path) -> Kafka {
        let mut kafka = Kafka::formatted(folder);
        kafka.resume();
        kafka
    }

    /// One that is yet to be started: [`Kafka::resume`].
    ///
    /// # Panics
    /// Its folder can't be formatted.
    pub fn formatted(folder: &Path) -> Kafka {
        let folder = folder.join("kafka");
        std::fs::create_dir_all(&folder).expect("a folder for Kafka");
        let (port, controller) = (free_port(), free_port());
        let settings = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\ninter.broker.listener.name=PLAINTEXT\n\
             log.dirs={}\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
             transaction.state.log.min.isr=1\nshare.coordinator.state.topic.replication.factor=1\n\
             share.coordinator.state.topic.min.isr=1\ngroup.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=500\n",
            folder.join("data").display()
        );
        std::fs::write(folder.join("server.properties"), settings).expect("Kafka's settings");
        let kafka = Kafka { folder, port, process: None };
        let id = kafka.java(&["kafka.tools.StorageTool", "random-uuid"]).stderr(Stdio::null()).output().expect("Java runs");
        let id = String::from_utf8_lossy(&id.stdout).trim().to_owned();
        let format = ["kafka.tools.StorageTool", "format", "-t", &id, "-c", "server.properties"];
        let formatted = kafka.java(&format).output().expect("Java runs");
        assert!(formatted.status.success(), "Kafka's folder can't be formatted: {}", String::from_utf8_lossy(&formatted.stderr));
        kafka
    }

    /// The folder of its data, which may be copied and put back while it is stopped.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn java(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("java");
        command
            .arg("-Xmx512m")
            .arg("-cp")
            .arg(format!("{}/*", provided("ONPACE_TEST_KAFKA_LIB")))
            .args(arguments)
            .current_dir(&self.folder);
        command
    }

    /// Its address for `--kafka`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it (again) on the data it has.
    pub fn resume(&mut self) {
        let command = self.java(&["kafka.Kafka", "server.properties"]);
        let port = self.port;
        self.process = Some(started(command, &self.folder, "kafka", || TcpStream::connect(("127.0.0.1", port)).is_ok()));
    }

    /// Stops it by SIGTERM, as a restart does, and waits for its end.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal("TERM");
            process.wait(Duration::from_secs(60));
        }
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process = None;
    }
}

/// Copies a folder with all that is in it.
///
/// # Panics
/// It can't be.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder for the copy");
    for entry in std::fs::read_dir(from).expect("the folder to copy") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file copied");
        }
    }
}

/// A name that no other scenario has: a topic, a consumer group.
pub fn unique(name: &str) -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{name}-{}-{}", std::process::id(), nanos % 1_000_000_000_000)
}
