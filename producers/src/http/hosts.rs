//! Who may ask by which name: against pages of other sites that reach this process through a browser.
//!
//! A browser that was told by a stranger's name server that `evil.example` is 127.0.0.1 sends that name as `Host`; a page of another
//! site sends its own as `Origin`. Neither can be forged by the page. In: a request's head, where the process listens, the names it
//! goes by. Out: nothing, or why it is refused and what to do. Pure. Never here: who the user is.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version, header};

use super::Problem;
use super::book::Why;

/// The names that a process goes by.
#[derive(Clone, Debug, Default)]
pub struct Names {
    named: Vec<Name>,
    /// Any name at all.
    any: bool,
    /// Listening on the loopback, where no other machine gets to.
    loopback: bool,
    /// The machine's own name.
    machine: Option<String>,
}

/// A name that was given, with its port where that matters.
#[derive(Clone, Debug)]
struct Name {
    host: String,
    port: Option<u16>,
}

const HOW: &str = "name it with --allowed-host (ONPACE_ALLOWED_HOSTS), if it is this process's";

impl Names {
    /// The names given, of a process that listens at an address, on a machine with a name.
    ///
    /// # Errors
    /// The first that is no name.
    pub fn new(named: &[String], listen: SocketAddr, machine: Option<String>) -> Result<Names, String> {
        let any = named.iter().any(|name| name == "*");
        let named = named.iter().filter(|name| *name != "*").map(|name| {
            let wrong =
                || format!("`{name}` is no host; write a name such as onpace.example.com, with a port where it matters, or * for any");
            let authority: Authority = name.parse().map_err(|_| wrong())?;
            if authority.as_str().contains('@') || authority.host().is_empty() {
                return Err(wrong());
            }
            Ok(Name { host: bare(authority.host()), port: authority.port_u16() })
        });
        Ok(Names {
            named: named.collect::<Result<_, String>>()?,
            any,
            loopback: listen.ip().to_canonical().is_loopback(),
            machine: machine.map(|name| bare(&name)),
        })
    }

    /// No further names, on the loopback.
    pub fn on_the_loopback() -> Names {
        Names { loopback: true, ..Names::default() }
    }

    /// Whether a request may be answered.
    ///
    /// # Errors
    /// 400 without a name, 421 for a name that isn't this process's, 403 for another site's page.
    pub(super) fn check(&self, method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Refused> {
        let host = host(uri, version, headers).map_err(|detail| Refused::new(Why::Host, StatusCode::BAD_REQUEST, detail))?;
        // An absolute target wins over `Host`, so both are looked at. Before HTTP/1.1 there may be none: no browser's request.
        for host in [uri.authority(), host.as_ref()].into_iter().flatten().filter(|_| !self.any) {
            if !self.knows(host.host()) {
                let detail = format!("this is not `{}`, or it is not known to be: {HOW}", clip(host.host()));
                return Err(Refused::new(Why::Host, StatusCode::MISDIRECTED_REQUEST, detail));
            }
        }
        let foreign = |whose: &str| {
            let detail = format!("{whose} may not ask this process by the browser of one who looks at it: {HOW}");
            Err(Refused::new(Why::Origin, StatusCode::FORBIDDEN, detail))
        };
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            return if self.same(origin, host.as_ref()) { Ok(()) } else { foreign(&format!("a page of `{}`", clip(origin))) };
        }
        let says = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let elsewhere = matches!(says("sec-fetch-site"), Some("cross-site" | "same-site"));
        // A link from elsewhere leads here as to any other page; what it can't do is to change anything or to be read.
        let followed = says("sec-fetch-mode") == Some("navigate") && method == Method::GET;
        if elsewhere && !followed { foreign("a page of another site") } else { Ok(()) }
    }

    fn knows(&self, host: &str) -> bool {
        let host = bare(host);
        if host == "localhost" || self.named.iter().any(|name| name.host == host) {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            // No name server can make an address mean something else.
            return address.to_canonical().is_loopback() || !self.loopback;
        }
        // Nobody out there can make a name without a dot mean something: it is a service's, or a machine's in the same network.
        !self.loopback && (!host.contains('.') || self.machine.as_ref() == Some(&host))
    }

    /// Whether an origin is where the request goes, or one of the names given.
    fn same(&self, origin: &str, host: Option<&Authority>) -> bool {
        let Ok(uri) = origin.parse::<Uri>() else { return false };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
        let usual = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let name = bare(authority.host());
        let port = authority.port_u16().unwrap_or(usual);
        // Behind a proxy that speaks TLS, the origin says https, and `Host` has no port.
        let here = host.is_some_and(|host| bare(host.host()) == name && host.port_u16().unwrap_or(usual) == port);
        here || self.named.iter().any(|named| named.host == name && named.port.unwrap_or(usual) == port)
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// By which rule.
    pub(super) why: Why,
    pub(super) problem: Problem,
}

impl Refused {
    fn new(why: Why, status: StatusCode, detail: String) -> Refused {
        Refused { why, problem: Problem::new(status, detail) }
    }
}

/// The host that is asked for, by the header.
fn host(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<Option<Authority>, String> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => Err("the request has more than one Host; send one".into()),
        (Some(host), None) => {
            let read = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()).filter(|host| !host.as_str().contains('@'));
            read.map(Some)
                .ok_or_else(|| format!("`Host: {}` is no host; send a name or an address", clip(&String::from_utf8_lossy(host.as_bytes()))))
        }
        (None, _) if version >= Version::HTTP_11 && uri.authority().is_none() => {
            Err("the request has no Host; send it, as HTTP/1.1 has it".into())
        }
        (None, _) => Ok(None),
    }
}

/// A host as it is compared: in lower case, without the brackets of IPv6, without the dot at its end.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use super::*;

    fn names(listen: &str, named: &[&str]) -> Names {
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        Names::new(&named, listen.parse().unwrap(), Some("Ledger.acme.internal".into())).unwrap()
    }

    fn ask(names: &Names, method: Method, target: &str, with: &[(&'static str, &str)]) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in with {
            headers.append(*name, value.parse().unwrap());
        }
        match names.check(&method, &target.parse().unwrap(), Version::HTTP_11, &headers) {
            Ok(()) => 200,
            Err(refused) => refused.problem.status().as_u16(),
        }
    }

    fn host(names: &Names, host: &str) -> u16 {
        ask(names, Method::GET, "/", &[("host", host)])
    }

    #[test]
    fn on_the_loopback_only_its_own_names_are_known() {
        let names = names("127.0.0.1:8080", &["onpace.example.com"]);
        for known in
            ["localhost:8080", "LOCALHOST", "127.0.0.1:9", "127.1.2.3", "[::1]:8080", "onpace.example.com", "Onpace.Example.Com.:443"]
        {
            assert_eq!(host(&names, known), 200, "{known}");
        }
        for unknown in
            ["evil.test:8080", "0.0.0.0:8080", "192.0.2.7", "gateway", "localhost.evil.test", "127.0.0.1.evil.test", "ledger.acme.internal"]
        {
            assert_eq!(host(&names, unknown), 421, "{unknown}");
        }
        for wrong in ["", "a b", "localhost@evil.test"] {
            assert_eq!(host(&names, wrong), 400, "{wrong}");
        }
        assert_eq!(ask(&names, Method::GET, "/", &[("host", "localhost"), ("host", "localhost")]), 400);
        assert_eq!(ask(&names, Method::GET, "http://evil.test/", &[("host", "localhost")]), 421);
        assert_eq!(ask(&names, Method::GET, "/", &[]), 400);
        assert!(names.check(&Method::GET, &"/".parse().unwrap(), Version::HTTP_10, &HeaderMap::new()).is_ok(), "no browser's");
    }

    #[test]
    fn elsewhere_addresses_names_without_a_dot_and_the_machines_own_are_known_too() {
        let names = names("0.0.0.0:8080", &[]);
        for known in ["192.0.2.7:8080", "[2001:db8::1]", "gateway:8080", "ledger.acme.internal", "localhost"] {
            assert_eq!(host(&names, known), 200, "{known}");
        }
        for unknown in ["evil.test", "evil.test:8080", "ledger.acme.internal.evil.test"] {
            assert_eq!(host(&names, unknown), 421, "{unknown}");
        }
        assert_eq!(host(&self::names("[::]:8080", &["*"]), "evil.test"), 200);
    }

    #[test]
    fn another_sites_page_is_refused_whatever_it_asks() {
        let names = names("127.0.0.1:8080", &["onpace.example.com", "crm.example.com:8443"]);
        let from = |method: Method, origin: &str| ask(&names, method, "/v1/events", &[("host", "localhost:8080"), ("origin", origin)]);
        for same in ["http://localhost:8080", "https://onpace.example.com", "http://onpace.example.com", "https://crm.example.com:8443"] {
            assert_eq!(from(Method::POST, same), 200, "{same}");
        }
        for other in [
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "https://evil.test",
            "null",
            "",
            "https://onpace.example.com:1",
            "https://crm.example.com",
            "file://localhost:8080",
        ] {
            assert_eq!(from(Method::POST, other), 403, "{other}");
            assert_eq!(from(Method::GET, other), 403, "{other}");
        }
        // Behind a proxy that keeps `Host`.
        let proxied = [("host", "onpace.example.com"), ("origin", "https://onpace.example.com")];
        assert_eq!(ask(&names, Method::POST, "/v1/events", &proxied), 200);
    }

    #[test]
    fn without_an_origin_the_browser_still_says_whence() {
        let names = names("127.0.0.1:8080", &[]);
        let from = |method: Method, site: &str, mode: &str| {
            ask(&names, method, "/", &[("host", "localhost:8080"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)])
        };
        assert_eq!(from(Method::GET, "cross-site", "navigate"), 200, "a link");
        assert_eq!(from(Method::GET, "none", "navigate"), 200, "typed");
        assert_eq!(from(Method::GET, "same-origin", "cors"), 200);
        assert_eq!(from(Method::GET, "cross-site", "no-cors"), 403, "an image");
        assert_eq!(from(Method::POST, "same-site", "navigate"), 403, "a form");
    }

    #[test]
    fn what_is_no_name_is_not_taken_for_one() {
        let listen = "127.0.0.1:8080".parse().unwrap();
        for wrong in ["https://onpace.example.com", "a b", "", "me@onpace.example.com", "onpace.example.com/path"] {
            let error = Names::new(&[wrong.to_owned()], listen, None).unwrap_err();
            assert!(error.contains("onpace.example.com"), "{wrong}: {error}");
        }
    }
}
