//! UPnP Internet Gateway Device, as much of it as forwards a UDP port.
//!
//! A search by SSDP, one HTTP GET for the router's description, three SOAP calls. Anybody in the network
//! may answer a search, and libraries then fetch whatever the answer names. Here only the router itself
//! is heard, everything is fetched from its own address, no answer is longer than [`MAX_ANSWER`], and
//! nothing waits longer than a few seconds. An answer is not parsed as XML: of each we want one or two
//! elements, by name.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Where routers listen for searches (UPnP Device Architecture 1.1, §1.3.2).
const SSDP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);

/// How long a search lasts. Routers are asked to answer within a second.
const SEARCH: Duration = Duration::from_secs(1);

/// How long one exchange with the router may take.
const EXCHANGE: Duration = Duration::from_secs(2);

/// The longest answer over HTTP. Descriptions have some kilobytes.
const MAX_ANSWER: usize = 64 << 10;

/// The longest path and name of a service that are taken from an answer.
const MAX_WORD: usize = 256;

/// How long a port is asked for. Whoever dies without giving it back leaves it for this long.
const LEASE: Duration = Duration::from_secs(2 * 60 * 60);

/// Other external ports tried when the one with our own number is somebody else's.
const OTHER_PORTS: u16 = 3;

/// Errors of `AddPortMapping` (WANIPConnection:1 §2.4.16.4): the port is taken; only for ever.
const CONFLICT: &str = "718";
const ONLY_PERMANENT: &str = "725";

/// A router that can be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Igd {
    /// Our address, to which it is to forward.
    local: Ipv4Addr,
    /// Where it is controlled.
    control: Location,
    /// The type of the service, with its version.
    service: String,
}

/// A place on the router.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Location {
    host: SocketAddrV4,
    path: String,
}

/// What the router says to a call: the body, or the number of an error.
type Said = Result<String, String>;

impl Igd {
    /// Looks for a forwarding service on the router.
    pub(super) async fn find(local: Ipv4Addr, router: Ipv4Addr) -> Option<Self> {
        let described = timeout(SEARCH, search(local, router)).await.ok()?.ok()?;
        let answer = described.exchange("GET", "", "").await.ok()?;
        let (control, service) = described_service(&described, body(&answer)?)?;
        Some(Self { local, control, service })
    }

    /// Has the router forward a UDP port to `port` of ours, `wanted` if it can be had; where from.
    /// Again, it renews the lease.
    pub(super) async fn forward(&self, port: u16, wanted: u16) -> Option<SocketAddrV4> {
        let address = self.call("GetExternalIPAddress", &[]).await?.ok()?;
        let address = element(&address, "NewExternalIPAddress")?.parse().ok()?;
        for other in 0..=OTHER_PORTS {
            let external = port_number(wanted, other);
            let mut said = self.add(external, port, LEASE).await?;
            if said.as_ref().err().is_some_and(|error| error == ONLY_PERMANENT) {
                said = self.add(external, port, Duration::ZERO).await?;
            }
            match said {
                Ok(_) => return Some(SocketAddrV4::new(address, external)),
                Err(error) if error == CONFLICT => {}
                Err(error) => {
                    tracing::debug!(error, "the router forwards nothing");
                    return None;
                }
            }
        }
        None
    }

    /// Gives a port back.
    pub(super) async fn release(&self, external: u16) {
        let external = external.to_string();
        let arguments =
            [("NewRemoteHost", ""), ("NewExternalPort", external.as_str()), ("NewProtocol", "UDP")];
        self.call("DeletePortMapping", &arguments).await;
    }

    async fn add(&self, external: u16, port: u16, lease: Duration) -> Option<Said> {
        let (external, port) = (external.to_string(), port.to_string());
        let (client, lease) = (self.local.to_string(), lease.as_secs().to_string());
        let arguments = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", external.as_str()),
            ("NewProtocol", "UDP"),
            ("NewInternalPort", port.as_str()),
            ("NewInternalClient", client.as_str()),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", "p2pchat"),
            ("NewLeaseDuration", lease.as_str()),
        ];
        self.call("AddPortMapping", &arguments).await
    }

    /// Calls an action; `None` if the router does not answer in HTTP.
    async fn call(&self, action: &str, arguments: &[(&str, &str)]) -> Option<Said> {
        let service = &self.service;
        let arguments: String =
            arguments.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
        let envelope = format!(
            "<?xml version=\"1.0\"?>\r\n\
             <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n"
        );
        let headers = format!(
            "Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"{service}#{action}\"\r\n"
        );
        let answer = self.control.exchange("POST", &headers, &envelope).await.ok()?;
        let body = body(&answer)?;
        if answer.split(' ').nth(1) == Some("200") {
            return Some(Ok(body.to_owned()));
        }
        let error = element(body, "errorCode").unwrap_or_default();
        Some(Err(error.chars().filter(char::is_ascii_digit).take(4).collect()))
    }
}

impl Location {
    /// One request and its answer, head and body.
    async fn exchange(&self, method: &str, headers: &str, body: &str) -> io::Result<String> {
        let Self { host, path } = self;
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = async {
            let mut stream = TcpStream::connect(host).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            let mut limited = stream.take(MAX_ANSWER as u64);
            while !is_whole(&answer) && limited.read_buf(&mut answer).await? > 0 {}
            Ok(String::from_utf8_lossy(&answer).into_owned())
        };
        timeout(EXCHANGE, answer).await?
    }

    /// What a URL in the router's words means, if it leads to the router.
    fn on(router: Ipv4Addr, near: Option<SocketAddrV4>, url: &str) -> Option<Self> {
        let (host, path) = match url.strip_prefix("http://") {
            Some(rest) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let host =
                    host.parse().or_else(|_| host.parse().map(|ip| SocketAddrV4::new(ip, 80)));
                (host.ok()?, path)
            }
            None => (near?, url),
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        (*host.ip() == router && host.port() != 0 && is_word(&path)).then_some(Self { host, path })
    }
}

/// The external port to ask for at first, and others that are far from it. None is below 1024.
fn port_number(wanted: u16, other: u16) -> u16 {
    const FIRST: u32 = 1024;
    let number = u32::from(wanted).saturating_sub(FIRST) + u32::from(other) * 7919;
    u16::try_from(number % (65_536 - FIRST) + FIRST).unwrap_or(wanted)
}

/// Asks everybody, hears the router: where its description is.
async fn search(local: Ipv4Addr, router: Ipv4Addr) -> io::Result<Location> {
    let socket = UdpSocket::bind((local, 0)).await?;
    SockRef::from(&socket).set_multicast_if_v4(&local)?;
    for version in [1, 2] {
        let request = format!(
            "M-SEARCH * HTTP/1.1\r\nHOST: {SSDP}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n\
             ST: urn:schemas-upnp-org:device:InternetGatewayDevice:{version}\r\n\r\n"
        );
        socket.send_to(request.as_bytes(), SSDP).await?;
    }
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        if from.ip() != IpAddr::V4(router) {
            continue;
        }
        let answer = String::from_utf8_lossy(&buffer[..length]);
        let url = header(&answer, "location");
        if let Some(location) = url.and_then(|url| Location::on(router, None, url)) {
            return Ok(location);
        }
    }
}

/// The service in a description that forwards ports.
fn described_service(described: &Location, body: &str) -> Option<(Location, String)> {
    let router = *described.host.ip();
    body.split("<service>").skip(1).find_map(|service| {
        let kind = element(service, "serviceType")?;
        let forwards = ["WANIPConnection:", "WANPPPConnection:"].iter().any(|name| {
            kind.strip_prefix("urn:schemas-upnp-org:service:")
                .is_some_and(|rest| rest.starts_with(name))
        });
        let control = element(service, "controlURL")?;
        let control = Location::on(router, Some(described.host), control)?;
        (forwards && is_word(kind)).then(|| (control, kind.to_owned()))
    })
}

/// The text of the first element with this name, without what may follow the name in the tag.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once('<')?.0.trim())
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn body(answer: &str) -> Option<&str> {
    answer.split_once("\r\n\r\n").map(|(_, body)| body)
}

/// Whether all of an answer is there that says how long it is. Others end with the connection.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = header(&head, "content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_some_and(|length| answer.len() - end - 4 >= length)
}

/// Whether a word from an answer may stand in a request: nothing in it ends a line, a string or a tag.
fn is_word(text: &str) -> bool {
    text.len() <= MAX_WORD
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>&".contains(&byte))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);

    fn on(url: &str) -> Option<String> {
        let near = Some(SocketAddrV4::new(ROUTER, 5000));
        Location::on(ROUTER, near, url).map(|Location { host, path }| format!("{host}{path}"))
    }

    #[test]
    fn nothing_is_fetched_but_from_the_router() {
        assert_eq!(on("http://192.168.0.1:80/a?b").as_deref(), Some("192.168.0.1:80/a?b"));
        assert_eq!(on("http://192.168.0.1").as_deref(), Some("192.168.0.1:80/"));
        assert_eq!(on("/ctl").as_deref(), Some("192.168.0.1:5000/ctl"));
        assert_eq!(on("ctl").as_deref(), Some("192.168.0.1:5000/ctl"));
        for elsewhere in [
            "http://127.0.0.1:631/printers",
            "http://192.0.2.1/",
            "http://192.168.0.1:0/",
            "http://router.example/",
            "http://192.168.0.1@192.0.2.1/",
            "/a\r\nX-Evil: 1",
            "/a b",
        ] {
            assert_eq!(on(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(on(&"a".repeat(MAX_WORD)), None);
    }

    #[test]
    fn of_a_description_the_service_counts_that_forwards_ports() {
        let described = Location { host: SocketAddrV4::new(ROUTER, 5000), path: "/".to_owned() };
        let service = |kind: &str, control: &str| {
            format!(
                "<service><serviceType>urn:schemas-upnp-org:service:{kind}</serviceType>\
                 <controlURL>{control}</controlURL></service>"
            )
        };
        let find = |text: String| {
            let found = described_service(&described, &text);
            found.map(|(control, kind)| format!("{} {kind}", control.path))
        };
        let layer = service("Layer3Forwarding:1", "/l3");
        let found = find(layer.clone() + &service("WANIPConnection:2", "/ip"));
        assert_eq!(found.as_deref(), Some("/ip urn:schemas-upnp-org:service:WANIPConnection:2"));
        let found = find(service("WANPPPConnection:1", "ppp"));
        assert_eq!(found.as_deref(), Some("/ppp urn:schemas-upnp-org:service:WANPPPConnection:1"));
        for nothing in [
            String::new(),
            layer,
            service("WANIPConnection:1", "http://192.0.2.1/"),
            service("WANIPConnection:1\"><evil", "/ip"),
            "<service><serviceType>".to_owned(),
        ] {
            assert_eq!(find(nothing.clone()), None, "{nothing}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a listener");
        let port = listener.local_addr().expect("address").port();
        let host = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let endless = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
        };
        let location = Location { host, path: "/".to_owned() };
        let (answer, ()) = tokio::join!(location.exchange("GET", "", ""), endless);
        assert!(answer.is_ok_and(|answer| answer.len() <= MAX_ANSWER));
    }

    #[test]
    fn the_first_port_asked_for_is_the_one_that_is_wanted() {
        for wanted in [1024, 40_000, u16::MAX] {
            assert_eq!(port_number(wanted, 0), wanted);
        }
        assert!((0..=OTHER_PORTS).all(|other| port_number(500, other) >= 1024));
        assert_eq!([1, 2, 3].map(|other| port_number(60_000, other)), [3_407, 11_326, 19_245]);
    }

    #[test]
    fn an_answer_is_whole_when_it_is_as_long_as_it_says() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 2\r\n\r\nab"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\n\r\nab") && !is_whole(b"HTTP/1.1 200 OK"));
    }
}
