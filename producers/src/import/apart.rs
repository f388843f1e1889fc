//! A map in a process of its own, within bounds.
//!
//! In: rows. Out: what the map makes of each, in order; or that it took too long or too much. A jq program may call itself without
//! end or fill any memory, and nothing can stop it from within: so this program starts itself once more, with nothing in its
//! environment and so much memory, and is ended and started anew where a row goes beyond. Never here: what a map is, or an event.
//!
//! Parent and child speak a line of JSON at a time: the program, then rows as arrays of strings; answers, one for each line.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ImportError;
use super::map::{Map, Program};

/// How long a map may take over a row.
const MOST_TIME: Duration = Duration::from_secs(10);
/// How much memory the process may have.
const MOST_MEMORY: u64 = 1 << 30;
/// The exit code by which a child says that a row took too long.
const TOO_LONG: i32 = 75;
/// After how many rows beyond the bounds the map is given up.
const MOST_BEYOND: u32 = 3;
/// How many rows, and how many bytes of them, are under way at once.
const UNDER_WAY: (usize, usize) = (64, 1 << 20);
/// How often to look whether it is time to stop.
const LOOK: Duration = Duration::from_millis(50);

/// How to start the program that runs a map: it must come to [`serve`].
#[derive(Clone, Debug)]
pub struct Worker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// What the child is told first.
#[derive(Serialize, Deserialize)]
struct Task {
    program: Program,
    columns: Vec<String>,
}

/// What the child says of a row, and of the program before.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Events(Vec<String>),
    Error(String),
}

/// The map in its process.
pub(super) struct Apart {
    worker: Worker,
    task: String,
    running: Option<Running>,
    /// Rows handed over and not yet answered.
    under_way: VecDeque<String>,
    bytes: usize,
    beyond: u32,
}

struct Running {
    child: Child,
    rows: Sender<String>,
    answers: Receiver<Answer>,
}

impl Apart {
    pub(super) fn new(worker: Worker, program: Program, columns: &[String]) -> Result<Apart, ImportError> {
        let task = serde_json::to_string(&Task { program, columns: columns.to_vec() });
        let task = task.map_err(|error| ImportError::Settings(format!("the map can't be handed over: {error}")))?;
        Ok(Apart { worker, task, running: None, under_way: VecDeque::new(), bytes: 0, beyond: 0 })
    }

    /// Whether another row may be handed over before an answer is taken.
    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < UNDER_WAY.0 && self.bytes < UNDER_WAY.1
    }

    pub(super) fn hand_over(&mut self, values: &[String]) -> Result<(), ImportError> {
        let row = serde_json::to_string(values).map_err(|error| ImportError::File(error.to_string()))?;
        self.bytes += row.len();
        self.under_way.push_back(row.clone());
        if self.running.is_none() {
            return self.start();
        }
        if let Some(running) = &self.running {
            // A child that has ended is noticed when its answer doesn't come.
            let _ = running.rows.send(row);
        }
        Ok(())
    }

    /// What the map makes of the next row; `None` where it is time to stop.
    pub(super) fn answer(&mut self, stop: &dyn Fn() -> bool) -> Result<Option<Result<Vec<String>, String>>, ImportError> {
        loop {
            if self.running.is_none() {
                self.start()?;
            }
            let Some(running) = &mut self.running else { return Ok(None) };
            match running.answers.recv_timeout(LOOK) {
                Ok(answer) => {
                    self.done();
                    return Ok(Some(match answer {
                        Answer::Events(events) => Ok(events),
                        Answer::Error(error) => Err(error),
                    }));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if stop() {
                        return Ok(None);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = self.running.take().map(Running::end).transpose()?;
                    if stop() {
                        return Ok(None);
                    }
                    let why = why(ended);
                    self.beyond += 1;
                    if self.beyond >= MOST_BEYOND {
                        let rows = self.beyond;
                        return Err(ImportError::File(format!("the map {why}, of {rows} rows by now; mend it, or the rows it can't bear")));
                    }
                    self.done();
                    return Ok(Some(Err(format!("the map {why}"))));
                }
            }
        }
    }

    fn done(&mut self) {
        if let Some(row) = self.under_way.pop_front() {
            self.bytes -= row.len();
        }
    }

    fn start(&mut self) -> Result<(), ImportError> {
        let mut running = Running::start(&self.worker, &self.task)?;
        match running.answers.recv_timeout(MOST_TIME + MOST_TIME) {
            Ok(Answer::Events(_)) => {}
            Ok(Answer::Error(error)) => return Err(ImportError::Settings(format!("the map's process: {error}"))),
            Err(_) => {
                let _ = running.child.kill();
                let why = why(Some(running.end()?));
                return Err(ImportError::Settings(format!("the process of the map did not start: it {why}")));
            }
        }
        for row in &self.under_way {
            let _ = running.rows.send(row.clone());
        }
        self.running = Some(running);
        Ok(())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.end();
        }
    }
}

impl Running {
    fn start(worker: &Worker, task: &str) -> Result<Running, ImportError> {
        let mut command = Command::new(&worker.program);
        command.args(&worker.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // What a row means depends on nothing that stands there; where libraries lie must stay.
        command.env_clear();
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // An arena for each thread would count as memory.
        command.env("MALLOC_ARENA_MAX", "1");
        // Ctrl-C is this process's affair; it ends the other.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let wrong = |error: io::Error| ImportError::Settings(format!("the map's process {}: {error}", worker.program.display()));
        let mut child = command.spawn().map_err(wrong)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(wrong(io::Error::other("it has no pipes")));
        };
        let (rows, to_write) = channel::<String>();
        let (to_answer, answers) = channel();
        let _ = rows.send(task.to_owned());
        let write = move || -> io::Result<()> {
            let mut into = BufWriter::new(stdin);
            while let Ok(row) = to_write.recv() {
                line(&mut into, &row)?;
                while let Ok(row) = to_write.try_recv() {
                    line(&mut into, &row)?;
                }
                into.flush()?;
            }
            Ok(())
        };
        let read = move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Ok(answer) = serde_json::from_str(&line) else { return };
                if to_answer.send(answer).is_err() {
                    return;
                }
            }
        };
        // They end when the child does, or when nobody wants anything of it.
        std::thread::Builder::new().name("map-rows".into()).spawn(move || drop(write()))?;
        std::thread::Builder::new().name("map-answers".into()).spawn(read)?;
        Ok(Running { child, rows, answers })
    }

    fn end(mut self) -> io::Result<std::process::ExitStatus> {
        drop(self.rows);
        self.child.wait()
    }
}

fn line(into: &mut BufWriter<ChildStdin>, row: &str) -> io::Result<()> {
    into.write_all(row.as_bytes())?;
    into.write_all(b"\n")
}

/// Why a child has ended in the middle of a row.
fn why(ended: Option<std::process::ExitStatus>) -> String {
    match ended.and_then(|status| status.code()) {
        Some(TOO_LONG) => format!("takes longer than {} s", MOST_TIME.as_secs()),
        // A panic.
        Some(101) => "breaks what runs it".into(),
        Some(code) => format!("ended with {code}"),
        None => format!("takes more than {} GiB of memory, or calls itself without end", MOST_MEMORY >> 30),
    }
}

/// The child: reads a program and rows, answers each, until nothing more comes. Ends the process where a row takes too long.
///
/// # Errors
/// The parent is gone.
pub fn serve(input: impl io::Read, output: impl Write) -> io::Result<()> {
    bound()?;
    let (mut input, mut output) = (BufReader::with_capacity(UNDER_WAY.1, input), BufWriter::new(output));
    let mut text = String::new();
    input.read_line(&mut text)?;
    let task: Task = serde_json::from_str(&text)?;
    let columns: Arc<[String]> = task.columns.into();
    let map = match Map::compile(&task.program) {
        Ok(map) => map,
        Err(error) => return say(&mut output, &Answer::Error(error)),
    };
    say(&mut output, &Answer::Events(vec![]))?;
    let watch = Watch::start()?;
    loop {
        text.clear();
        if input.read_line(&mut text)? == 0 {
            return Ok(());
        }
        let values: Vec<String> = serde_json::from_str(&text)?;
        watch.begin();
        let answer = match map.run(&columns, &values) {
            Ok(events) => Answer::Events(events),
            Err(error) => Answer::Error(error),
        };
        watch.end();
        // At once: were it kept back, the next row would take it along where it ends the process, and this one be blamed.
        say(&mut output, &answer)?;
    }
}

fn say(output: &mut impl Write, answer: &Answer) -> io::Result<()> {
    serde_json::to_writer(&mut *output, answer)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Keeps this process within its memory, and from leaving it on the disk where it breaks.
#[cfg(unix)]
fn bound() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let most = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::As, most(MOST_MEMORY))?;
    setrlimit(Resource::Core, most(0))?;
    Ok(())
}

#[cfg(not(unix))]
fn bound() -> io::Result<()> {
    Ok(())
}

/// Ends the process when a row takes too long.
struct Watch {
    /// When the row at hand began, in milliseconds since the watch did, and 1 more; 0 between rows.
    began: Arc<AtomicU64>,
    since: Instant,
}

impl Watch {
    fn start() -> io::Result<Watch> {
        let (began, since) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let seen = Arc::clone(&began);
        std::thread::Builder::new().name("map-watch".into()).spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                let began = seen.load(Ordering::Relaxed);
                if began > 0 && since.elapsed().as_millis() as u64 + 1 > began + MOST_TIME.as_millis() as u64 {
                    std::process::exit(TOO_LONG);
                }
            }
        })?;
        Ok(Watch { began, since })
    }

    fn begin(&self) {
        self.began.store(self.since.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
    }

    fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }
}
