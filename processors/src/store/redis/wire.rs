//! The wire to Redis: commands out, replies in, with time limits, by the `redis` crate.
//!
//! In: commands. Out: replies, one by one: the library's own calls wait for an answer, and here a commit is on its way while the next is
//! folded. Addresses are the library's (`redis://user:password@host:port/db`, `unix:`). Never here: what a command means.

use std::fmt::Display;
use std::time::Duration;

use redis::{Arg, Client, Cmd, Connection, ConnectionInfo, RedisError, ServerError};

use crate::store::StoreError;

/// Commands on their way out.
#[derive(Debug, Default)]
pub struct Commands {
    commands: Vec<Cmd>,
}

impl Commands {
    /// Forgets them, to begin anew.
    pub fn clear(&mut self) {
        self.commands.clear();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Begins a command by its name.
    pub fn begin(&mut self, name: &[u8]) -> &mut Self {
        self.commands.push(Cmd::new());
        self.arg(name)
    }

    /// The next argument.
    pub fn arg(&mut self, bytes: &[u8]) -> &mut Self {
        if let Some(command) = self.commands.last_mut() {
            command.arg(bytes);
        }
        self
    }

    /// The next argument, in two parts.
    pub fn joined(&mut self, first: &[u8], second: &[u8]) -> &mut Self {
        self.arg(&[first, second].concat())
    }

    /// The next argument: a key that ends in a number.
    pub fn numbered(&mut self, key: &[u8], number: i64) -> &mut Self {
        self.joined(key, number.to_string().as_bytes())
    }

    /// A whole command of a few arguments.
    pub fn command(&mut self, arguments: &[&[u8]]) -> &mut Self {
        self.commands.push(Cmd::new());
        arguments.iter().for_each(|argument| _ = self.arg(argument));
        self
    }

    /// The second argument (the key) of the command at a place, for an error message.
    pub fn key_at(&self, place: usize) -> String {
        match self.commands.get(place).and_then(|command| command.args_iter().nth(1)) {
            Some(Arg::Simple(key)) => String::from_utf8_lossy(key).into_owned(),
            _ => String::new(),
        }
    }

    fn packed(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        bytes
    }
}

/// A reply.
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
    /// Nothing there; of `EXEC`: the condition did not hold.
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

impl From<redis::Value> for Value {
    fn from(value: redis::Value) -> Value {
        match value {
            redis::Value::BulkString(bytes) => Value::Bytes(bytes),
            redis::Value::SimpleString(text) => Value::Bytes(text.into_bytes()),
            redis::Value::Okay => Value::Bytes(b"OK".to_vec()),
            redis::Value::Int(number) => Value::Number(number),
            redis::Value::Array(elements) => Value::Array(elements.into_iter().map(Value::from).collect()),
            redis::Value::ServerError(error) => Value::Error(words(&error)),
            redis::Value::Nil => Value::Nil,
            // Never in RESP 2, which is what is spoken here; to take it for nothing could begin a store anew.
            other => Value::Error(format!("ERR it answers with what was not asked for, {other:?}")),
        }
    }
}

fn words(error: &ServerError) -> String {
    [error.code(), error.details().unwrap_or_default()].join(" ").trim_end().to_owned()
}

/// A connection.
pub struct Link {
    connection: Connection,
    place: String,
    limit: Duration,
}

impl Link {
    /// Connects, gives the password, selects the database.
    ///
    /// # Errors
    /// The server is away, or refuses the password.
    pub fn open(info: &ConnectionInfo, limit: Duration) -> Result<Link, StoreError> {
        let place = info.addr().to_string();
        let open = || -> Result<Connection, RedisError> {
            let connection = Client::open(info.clone())?.get_connection_with_timeout(limit)?;
            connection.set_read_timeout(Some(limit))?;
            connection.set_write_timeout(Some(limit))?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Link { connection, place, limit }),
            Err(error) => Err(explain(&place, limit, &error)),
        }
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
        self.connection.send_packed_command(&commands.packed()).map_err(|error| explain(&self.place, self.limit, &error))
    }

    /// Sends commands and waits for all replies.
    ///
    /// # Errors
    /// The server is away, or answers one of them with an error: the first.
    pub fn ask(&mut self, commands: &Commands) -> Result<Vec<Value>, StoreError> {
        self.send(commands)?;
        let replies: Vec<Value> = (0..commands.len()).map(|_| self.reply()).collect::<Result<_, _>>()?;
        for (place, reply) in replies.iter().enumerate() {
            if let Value::Error(words) = reply {
                return Err(refused(&self.place, &commands.key_at(place), words));
            }
        }
        Ok(replies)
    }

    /// The next reply.
    ///
    /// # Errors
    /// The server is away, or what answers isn't Redis.
    pub fn reply(&mut self) -> Result<Value, StoreError> {
        match self.connection.recv_response() {
            Ok(value) => Ok(value.into()),
            Err(error) => Err(explain(&self.place, self.limit, &error)),
        }
    }
}

/// What an error of the connection means.
fn explain(place: &str, limit: Duration, error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return StoreError::Away(format!("Redis at {place} did not answer within {} s", limit.as_secs_f32()));
    }
    match error.kind() {
        redis::ErrorKind::AuthenticationFailed => refused(place, "", &format!("NOAUTH {error}")),
        redis::ErrorKind::Parse => StoreError::Away(format!("what answers at {place} does not speak like Redis; check the address")),
        _ => match error.code() {
            Some(code) => refused(place, "", &[code, error.detail().unwrap_or_default()].join(" ")),
            None => StoreError::Away(format!("Redis at {place}: {error}")),
        },
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
