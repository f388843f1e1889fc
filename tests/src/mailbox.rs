//! A mail server that takes everything and sends nothing on.
//!
//! In: SMTP, as Alertmanager speaks it. Out: mails as people read them: subject, priority, text. Never here: what should stand in them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::collector::Collector;

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its `X-Priority`.
    pub priority: String,
    /// Its text.
    pub text: String,
}

/// A server on a port of its own, until it is dropped.
pub type Mailbox = Collector<Mail>;

/// Opens one.
///
/// # Panics
/// There is no free port.
pub fn open() -> Mailbox {
    Collector::open(converse)
}

/// One conversation, of one mail; `None` where it breaks off.
fn converse(stream: &TcpStream) -> Option<Mail> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut reader = BufReader::new(stream);
    let say = |line: &str| { stream }.write_all(format!("{line}\r\n").as_bytes()).ok();
    say("220 here")?;
    let (mut to, mut mail) = (String::new(), None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return mail;
        }
        let command = line.trim_end().to_ascii_uppercase();
        if let Some((_, address)) = line.split_once("TO:") {
            to = address.trim().trim_matches(['<', '>']).to_owned();
        }
        if command == "DATA" {
            say("354 go on")?;
            let mut data = String::new();
            while !data.ends_with("\r\n.\r\n") {
                if reader.read_line(&mut data).ok()? == 0 {
                    return None;
                }
            }
            mail = read(&to, &data);
        }
        say(if command == "QUIT" { "221 bye" } else { "250 well" })?;
    }
}

/// A mail of one part, or of several of which the last is the text.
fn read(to: &str, data: &str) -> Option<Mail> {
    let (head, body) = data.split_once("\r\n\r\n")?;
    let header = |name: &str| head.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default();
    let text = body.split("Content-Type: text/plain").last()?.split_once("\r\n\r\n").map_or(body, |(_, text)| text);
    let text = text.split("\r\n--").next()?.trim_end_matches(".\r\n");
    Some(Mail {
        to: to.to_owned(),
        subject: words(header("Subject")),
        priority: header("X-Priority").to_owned(),
        text: quoted_printable(text).replace("\r\n", "\n").trim().to_owned(),
    })
}

/// A header whose words may be encoded as `=?utf-8?q?…?=`.
fn words(header: &str) -> String {
    let mut out = String::new();
    for word in header.split(' ') {
        match word.strip_prefix("=?utf-8?q?").and_then(|word| word.strip_suffix("?=")) {
            // Between two encoded words the space is none.
            Some(encoded) => out += &quoted_printable(&encoded.replace('_', " ")),
            None => out += word,
        }
    }
    out
}

fn quoted_printable(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (bytes[at], hex) {
            (b'=', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            // The end of a line that is none.
            (b'=', None) => at += if text[at..].starts_with("=\r\n") { 3 } else { 1 },
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_read_as_people_do() {
        let data = "Subject: =?utf-8?q?[Urgent]_En_retard_:_appels_pass=C3=A9s,?= =?utf-8?q?_jour?=\r\nX-Priority: 1\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\
                    Content-Type: text/plain; charset=UTF-8\r\n\r\n- Marie=C2=A0: 11 =\r\nsur 40\r\nfin\r\n\r\n--b--\r\n.\r\n";
        let mail = read("luc@acme.test", data).expect("a mail");
        assert_eq!((mail.subject.as_str(), mail.priority.as_str()), ("[Urgent] En retard : appels passés, jour", "1"));
        assert_eq!(mail.text, "- Marie\u{a0}: 11 sur 40\nfin");
    }
}
