//! The wire to Redis: commands out, replies in (RESP 2), with time limits and without an allocation per reply.
//!
//! In: commands, packed into one buffer that is used again. Out: replies, borrowed from another.
//! A commit of five thousand events has ten thousand replies that all say "queued": the client library's parser takes
//! 0.15 µs for each, this one a tenth; addresses are the library's (`redis://user:password@host:port/db`, `unix:`).
//! Never here: what a command means.

use std::fmt::Display;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo};

use crate::store::StoreError;

/// The longest value that a reply may hold: Redis' own limit.
const LONGEST: usize = 512 << 20;
/// How much of a buffer is kept from one use to the next.
const KEPT: usize = 4 << 20;

/// Commands on their way out.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    count: usize,
}

impl Commands {
    /// Forgets them, to begin anew.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.count = 0;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Begins a command of so many arguments, its name among them.
    pub fn begin(&mut self, arguments: usize) -> &mut Self {
        self.count += 1;
        self.bytes.push(b'*');
        self.length(arguments)
    }

    /// The next argument.
    pub fn arg(&mut self, bytes: &[u8]) -> &mut Self {
        self.joined(bytes, &[])
    }

    /// The next argument, in two parts.
    pub fn joined(&mut self, first: &[u8], second: &[u8]) -> &mut Self {
        self.bytes.push(b'$');
        self.length(first.len() + second.len());
        self.bytes.extend_from_slice(first);
        self.bytes.extend_from_slice(second);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// The next argument: a key that ends in a number.
    pub fn numbered(&mut self, key: &[u8], number: i64) -> &mut Self {
        let mut digits = [0; 20];
        self.joined(key, decimal(number, &mut digits))
    }

    /// A whole command of a few arguments.
    pub fn command(&mut self, arguments: &[&[u8]]) -> &mut Self {
        self.begin(arguments.len());
        for argument in arguments {
            self.arg(argument);
        }
        self
    }

    fn length(&mut self, length: usize) -> &mut Self {
        let mut digits = [0; 20];
        self.bytes.extend_from_slice(decimal(length as i64, &mut digits));
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// The second argument (the key) of the command at a place, for an error message.
    pub fn key_at(&self, place: usize) -> String {
        let mut lines = Lines(&self.bytes);
        let mut find = || {
            for at in 0..=place {
                let arguments = lines.number(b'*')?;
                let texts: Option<Vec<&[u8]>> = (0..arguments).map(|_| lines.text()).collect();
                let texts = texts?;
                if at == place {
                    return texts.get(1).map(|key| String::from_utf8_lossy(key).into_owned());
                }
            }
            None
        };
        find().unwrap_or_default()
    }
}

/// Reads packed commands back.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn number(&mut self, mark: u8) -> Option<usize> {
        let end = self.0.iter().position(|byte| *byte == b'\r')?;
        let line = self.0.get(..end)?.strip_prefix(&[mark])?;
        self.0 = self.0.get(end + 2..)?;
        std::str::from_utf8(line).ok()?.parse().ok()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.number(b'$')?;
        let text = self.0.get(..length)?;
        self.0 = self.0.get(length + 2..)?;
        Some(text)
    }
}

/// A number's decimal digits.
pub fn decimal(number: i64, digits: &mut [u8; 20]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    &digits[at..]
}

/// One reply; the elements of an array are the replies that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `OK`, `QUEUED`.
    Status(&'a [u8]),
    /// The server's words.
    Error(&'a str),
    /// A number.
    Number(i64),
    /// A value.
    Bytes(&'a [u8]),
    /// So many replies follow.
    Array(usize),
    /// Nothing there; of `EXEC`: the condition did not hold.
    Nil,
}

/// A reply with all its elements, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A status, a value.
    Bytes(Vec<u8>),
    /// The server's words.
    Error(String),
    /// A number.
    Number(i64),
    /// Elements.
    Array(Vec<Value>),
    /// Nothing there.
    Nil,
}

impl Value {
    /// The elements of an array; none of anything else.
    pub fn elements(self) -> Vec<Value> {
        match self {
            Value::Array(elements) => elements,
            _ => Vec::new(),
        }
    }

    /// The bytes, if it has any.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text; empty where it is none.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes().unwrap_or_default())
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection.
pub struct Link {
    stream: Stream,
    place: String,
    limit: Duration,
    input: Vec<u8>,
    /// What of the input was read, and what is filled.
    at: usize,
    filled: usize,
}

impl Link {
    /// Connects, gives the password, selects the database.
    ///
    /// # Errors
    /// The server is away, or refuses the password.
    pub fn open(info: &ConnectionInfo, limit: Duration) -> Result<Link, StoreError> {
        let place = info.addr().to_string();
        let stream = connect(info.addr(), limit).map_err(|error| away(&place, limit, &error))?;
        let mut link = Link { stream, place, limit, input: vec![0; 64 << 10], at: 0, filled: 0 };
        let settings = info.redis_settings();
        let mut commands = Commands::default();
        match (settings.username(), settings.password()) {
            (Some(user), Some(password)) => _ = commands.command(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
            (None, Some(password)) => _ = commands.command(&[b"AUTH", password.as_bytes()]),
            _ => {}
        }
        if settings.db() != 0 {
            commands.command(&[b"SELECT", settings.db().to_string().as_bytes()]);
        }
        link.ask(&commands)?;
        Ok(link)
    }

    /// Where it leads, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sends commands, without waiting for replies.
    ///
    /// # Errors
    /// The server is away.
    pub fn send(&mut self, commands: &Commands) -> Result<(), StoreError> {
        let sent = match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(&commands.bytes),
            Stream::Unix(stream) => stream.write_all(&commands.bytes),
        };
        sent.map_err(|error| away(&self.place, self.limit, &error))
    }

    /// Sends commands and waits for all replies.
    ///
    /// # Errors
    /// The server is away, or answers one of them with an error: the first.
    pub fn ask(&mut self, commands: &Commands) -> Result<Vec<Value>, StoreError> {
        self.send(commands)?;
        let replies: Vec<Value> = (0..commands.len()).map(|_| self.value()).collect::<Result<_, _>>()?;
        for (place, reply) in replies.iter().enumerate() {
            if let Value::Error(words) = reply {
                return Err(refused(&self.place, &commands.key_at(place), words));
            }
        }
        Ok(replies)
    }

    /// The next reply with all its elements.
    ///
    /// # Errors
    /// The server is away.
    pub fn value(&mut self) -> Result<Value, StoreError> {
        let count = match self.reply()? {
            Reply::Status(bytes) | Reply::Bytes(bytes) => return Ok(Value::Bytes(bytes.to_vec())),
            Reply::Error(words) => return Ok(Value::Error(words.to_owned())),
            Reply::Number(number) => return Ok(Value::Number(number)),
            Reply::Nil => return Ok(Value::Nil),
            Reply::Array(count) => count,
        };
        // Only as deep as a stream's entries.
        (0..count).map(|_| self.value()).collect::<Result<_, _>>().map(Value::Array)
    }

    /// The next reply.
    ///
    /// # Errors
    /// The server is away, or what answers isn't Redis.
    pub fn reply(&mut self) -> Result<Reply<'_>, StoreError> {
        let line = self.line()?;
        let (mark, rest) = (self.input[line.0], (line.0 + 1, line.1));
        let strange = || StoreError::Away(format!("what answers at {} does not speak like Redis; check the address", self.place));
        let number =
            || std::str::from_utf8(&self.input[rest.0..rest.1]).ok().and_then(|digits| digits.parse::<i64>().ok()).ok_or_else(strange);
        match mark {
            b'+' => Ok(Reply::Status(&self.input[rest.0..rest.1])),
            b'-' => Ok(Reply::Error(std::str::from_utf8(&self.input[rest.0..rest.1]).unwrap_or("an error that isn't text"))),
            b':' => Ok(Reply::Number(number()?)),
            b'*' => Ok(match number()? {
                count @ 0.. => Reply::Array(count as usize),
                _ => Reply::Nil,
            }),
            b'$' => {
                let length = match number()? {
                    length @ 0.. => length as usize,
                    _ => return Ok(Reply::Nil),
                };
                if length > LONGEST {
                    return Err(strange());
                }
                self.fill(length + 2)?;
                let from = self.at;
                self.at += length + 2;
                Ok(Reply::Bytes(&self.input[from..from + length]))
            }
            _ => Err(strange()),
        }
    }

    /// Where the next line is, without its end.
    fn line(&mut self) -> Result<(usize, usize), StoreError> {
        let mut looked = 0;
        loop {
            let unread = &self.input[self.at + looked..self.filled];
            if let Some(found) = unread.iter().position(|byte| *byte == b'\n') {
                let from = self.at;
                self.at += looked + found + 1;
                // What comes before the end of the line is its `\r`, and at least a mark.
                return Ok((from, (self.at - 2).max(from + 1)));
            }
            looked = self.filled - self.at;
            self.more(1)?;
        }
    }

    /// Makes sure that so many bytes are there.
    fn fill(&mut self, length: usize) -> Result<(), StoreError> {
        while self.filled - self.at < length {
            self.more(length - (self.filled - self.at))?;
        }
        Ok(())
    }

    fn more(&mut self, wanted: usize) -> Result<(), StoreError> {
        if self.at > 0 {
            self.input.copy_within(self.at..self.filled, 0);
            self.filled -= self.at;
            self.at = 0;
        }
        if self.input.len() - self.filled < wanted {
            self.input.resize((self.filled + wanted).next_power_of_two(), 0);
        } else if self.input.len() > KEPT && self.filled + wanted < KEPT {
            self.input.truncate(KEPT);
            self.input.shrink_to_fit();
        }
        let into = &mut self.input[self.filled..];
        loop {
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(into),
                Stream::Unix(stream) => stream.read(into),
            };
            match read {
                Ok(0) => return Err(StoreError::Away(format!("Redis at {} closed the connection", self.place))),
                Ok(count) => {
                    self.filled += count;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(away(&self.place, self.limit, &error)),
            }
        }
    }
}

fn connect(address: &ConnectionAddr, limit: Duration) -> io::Result<Stream> {
    match address {
        ConnectionAddr::Tcp(host, port) => {
            let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
            for address in (host.as_str(), *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, limit) {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        stream.set_read_timeout(Some(limit))?;
                        stream.set_write_timeout(Some(limit))?;
                        return Ok(Stream::Tcp(stream));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        ConnectionAddr::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(limit))?;
            stream.set_write_timeout(Some(limit))?;
            Ok(Stream::Unix(stream))
        }
        _ => Err(io::Error::new(ErrorKind::Unsupported, "TLS is not spoken here; put a TLS proxy such as stunnel in front of it")),
    }
}

fn away(place: impl Display, limit: Duration, error: &io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            StoreError::Away(format!("Redis at {place} did not answer within {} s", limit.as_secs()))
        }
        _ => StoreError::Away(format!("Redis at {place}: {error}")),
    }
}

/// What an error that the server answers with means.
pub fn refused(place: impl Display, key: &str, words: &str) -> StoreError {
    match words.split(' ').next().unwrap_or_default() {
        "WRONGTYPE" => StoreError::Damaged { place: key.to_owned(), why: format!("something else wrote it ({words})") },
        "NOAUTH" | "WRONGPASS" => StoreError::Settings(format!(
            "Redis at {place} asks for a password, or another one ({words}); write it into the address, `redis://user:password@host:6379`"
        )),
        "MOVED" | "ASK" | "CROSSSLOT" => StoreError::Settings(format!(
            "Redis at {place} is a node of a cluster ({words}), which needs a proxy in front of it that knows the cluster; name that, or a single server"
        )),
        _ => StoreError::Away(format!("Redis at {place} answers: {words}")),
    }
}
