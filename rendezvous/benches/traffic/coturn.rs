//! coturn's `turnserver` as a forwarder: each flow has an allocation of its own and a channel to its receiver,
//! so what it does for a datagram is what our relay does. Nobody is asked who he is, and loopback is allowed.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::traffic::{FORWARDER, Flow};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_A442;

/// Requests (RFC 8656 §17), and the bit of a success (RFC 8489 §5).
const ALLOCATE: u16 = 0x003;
const CHANNEL_BIND: u16 = 0x009;
const SUCCESS: u16 = 0x100;

/// Attributes (RFC 8656 §18).
const CHANNEL_NUMBER: u16 = 0x000C;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const REQUESTED_TRANSPORT: u16 = 0x0019;

/// The first number of a channel (RFC 8656 §12).
const CHANNEL: u16 = 0x4000;

/// How often a starting server is asked, and how long it has for an answer.
const TRIES: u32 = 100;
const ANSWER: Duration = Duration::from_millis(100);

/// A running server. Dropped, it is gone.
pub(crate) struct Coturn {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Coturn {
    /// Whether it is installed.
    pub(crate) fn is_here() -> bool {
        let said = Command::new("turnserver").args(["-n", "--version"]).output();
        said.is_ok()
    }

    /// Starts it in one thread, on the processor of whoever forwards.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Somebody else may take the port meanwhile: then it does not answer, and that is told.
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let address = free.expect("a port");
        let child = Command::new("taskset")
            .args(["-c", &FORWARDER.to_string(), "turnserver", "-n", "--no-auth"])
            .args(["--relay-threads", "0", "--allow-loopback-peers"])
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--listening-port", &address.port().to_string()])
            .args(["--no-tcp", "--no-tls", "--no-dtls", "--no-cli", "--no-rfc5780"])
            .args(["--log-file", "stdout"])
            .arg("--userdb")
            .arg(folder.path().join("users"))
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnserver starts");
        Self { child, address, _folder: folder }
    }

    /// A flow whose datagrams carry so many bytes to the receiver.
    pub(crate) fn flow(&self, payload: usize) -> Flow {
        let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let (sender, receiver) = (bind(), bind());
        sender.connect(self.address).expect("connected");
        sender.set_read_timeout(Some(ANSWER)).expect("a timeout");
        let udp = 17;
        ask(&sender, ALLOCATE, &attribute(REQUESTED_TRANSPORT, &[udp, 0, 0, 0]));
        let Ok(SocketAddr::V4(to)) = receiver.local_addr() else { unreachable!("it is IPv4") };
        let [high, low] = CHANNEL.to_be_bytes();
        let channel = attribute(CHANNEL_NUMBER, &[high, low, 0, 0]);
        let peer = attribute(XOR_PEER_ADDRESS, &masked(to));
        // It makes the permission, too (RFC 8656 §12.2).
        ask(&sender, CHANNEL_BIND, &[channel, peer].concat());
        // ChannelData (RFC 8656 §12.4).
        let length = u16::try_from(payload).expect("a datagram");
        let mut datagram = [CHANNEL.to_be_bytes(), length.to_be_bytes()].concat();
        datagram.resize(datagram.len() + payload, 7);
        Flow { sender, receiver, datagram }
    }

    /// Seconds that all its threads have been on a processor.
    pub(crate) fn processor_time(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let times = tasks.expect("it runs").flatten().filter_map(|task| {
            let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
            times.split_whitespace().next()?.parse::<f64>().ok()
        });
        times.sum::<f64>() / 1e9
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An attribute, the length of whose value is a multiple of four (RFC 8489 §14).
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short one");
    [&kind.to_be_bytes(), &length.to_be_bytes(), value].concat()
}

/// An address as XOR-MAPPED-ADDRESS has it (RFC 8489 §14.2).
fn masked(address: SocketAddrV4) -> [u8; 8] {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let ip = u32::from(*address.ip()) ^ MAGIC_COOKIE;
    let ([high, low], [a, b, c, d]) = (port.to_be_bytes(), ip.to_be_bytes());
    let v4 = 1;
    [0, v4, high, low, a, b, c, d]
}

/// Asks until it succeeds.
fn ask(socket: &UdpSocket, method: u16, attributes: &[u8]) {
    let length = u16::try_from(attributes.len()).expect("a short request");
    let transaction = [method.to_be_bytes()[1]; 12];
    let request = [
        &method.to_be_bytes()[..],
        &length.to_be_bytes(),
        &MAGIC_COOKIE.to_be_bytes(),
        &transaction,
        attributes,
    ]
    .concat();
    let mut answer = [0; 1500];
    for _ in 0..TRIES {
        let heard = socket.send(&request).and_then(|_| socket.recv(&mut answer));
        match heard {
            Ok(20..) if answer[..2] == (method | SUCCESS).to_be_bytes() => return,
            // A second answer to what was asked before.
            Ok(20..) if answer[8..20] != transaction => {}
            Ok(length) => panic!("turnserver says {:x?}", &answer[..length]),
            // Until it listens, the system says that nobody does, and at once.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::thread::sleep(ANSWER);
            }
            Err(_) => {}
        }
    }
    panic!("turnserver does not answer");
}
