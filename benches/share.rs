//! What one file of ours and one TCP flow of the kernel leave each other on a narrow line.
//!
//! `sudo -E cargo bench --bench share`, or with `-- --runs 1`, or with `-- ours` for the rows that have this in their name
//!
//! Two hosts, and a router between them, are network namespaces of this machine. On the way to the receiver the
//! router has a line of `RATE` (`tc` with a token bucket) and before it a queue of bytes, which drops what does not fit. The way
//! back is not narrow, but takes `DELAY`: the kernel wraps what goes there into VXLAN, and a process
//! here keeps that back, because `netem` is not in every kernel. So all data stays in the kernel.
//!
//! One flow is a file that `p2pchat send` gives to `p2pchat recv`, the other bytes in a TCP connection with the
//! kernel's CUBIC; they begin `AHEAD` apart, in every second run the other way round. What reaches the receiver is
//! counted there, headers included, for `TIME` from `SETTLING` after the second began. To compare, the kernel's
//! own CUBIC and BBR have the file's place.

#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "namespaces are Linux's"))]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench drives the real world"
)]

#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the lab needs more of it")]
#[path = "../tests/lab/nat.rs"]
mod nat;
#[cfg(target_os = "linux")]
#[allow(dead_code, reason = "the lab needs more of it")]
#[path = "../tests/lab/world.rs"]
mod world;

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    bench::main();
}

#[cfg(target_os = "linux")]
mod bench {
    use std::fs::{self, File};
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::world::{SERVER, World};

    /// Bits per second, with the headers of Ethernet.
    const RATE: u64 = 20_000_000;
    /// From the receiver to the sender.
    const DELAY: Duration = Duration::from_millis(40);
    /// Bytes that are on their way when the line is full and the queue empty.
    const PRODUCT: u64 = RATE / 8 * DELAY.as_millis() as u64 / 1000;

    const AHEAD: Duration = Duration::from_secs(5);
    const SETTLING: Duration = Duration::from_secs(10);
    const TIME: Duration = Duration::from_secs(30);
    const RUNS: usize = 4;

    /// Where TCP goes, by flow.
    const PORTS: [u16; 2] = [5001, 5002];
    /// Where the receiver sends what is to be late, and where the router takes it in.
    const LATE: u16 = 4790;
    const ARRIVED: u16 = 4789;

    /// Bytes that must have come before a flow counts as begun.
    const BEGUN: u64 = 100_000;
    const PATIENCE: Duration = Duration::from_secs(60);

    /// The first flow; the second is always the kernel's CUBIC.
    #[derive(Clone, Copy, Debug)]
    enum Flow {
        /// A file of ours, with this for `network.congestion`.
        Ours(&'static str),
        /// TCP with one of the kernel's controllers.
        Tcp(&'static str),
    }

    pub(super) fn main() {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["late"] => late(),
            ["drink", port] => drink(port.parse().expect("a port")),
            ["pour", to, controller] => pour(to, controller),
            _ => {
                let (mut runs, mut wanted) = (RUNS, String::new());
                let mut words = words.into_iter();
                while let Some(word) = words.next() {
                    match word {
                        // Cargo says that.
                        "--bench" => {}
                        "--runs" => {
                            let number = words.next().and_then(|word| word.parse().ok());
                            runs = number.expect("a number of runs");
                        }
                        word => word.clone_into(&mut wanted),
                    }
                }
                table(runs, &wanted);
            }
        }
    }

    fn table(runs: usize, wanted: &str) {
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!(
            "{} Mbit/s, {DELAY:?}, a queue of so many products of both, beside TCP CUBIC; load {load}",
            RATE / 1_000_000
        );
        println!(
            "{:<12} {:>5}  in each run, what it takes of what both carry, Mbit/s",
            "", "queue"
        );
        for queue in [1, 2] {
            for flow in
                [Flow::Ours("bbr"), Flow::Ours("cubic"), Flow::Tcp("cubic"), Flow::Tcp("bbr")]
            {
                let name = match flow {
                    Flow::Ours(controller) => format!("ours, {controller}"),
                    Flow::Tcp(controller) => format!("TCP, {controller}"),
                };
                if !name.contains(wanted) {
                    continue;
                }
                print!("{name:<12} {queue:>5}  ");
                for run in 0..runs {
                    match share(flow, queue, run % 2 == 1) {
                        Ok([one, other]) => {
                            let both = one + other;
                            print!("  {:>4.1} % of {:>4.1}", 100.0 * one / both, both / 1e6);
                        }
                        Err(error) => println!("{error}"),
                    }
                    std::io::stdout().flush().expect("written");
                }
                println!();
            }
        }
    }

    /// Bits per second that arrive of a flow, and of CUBIC beside it.
    fn share(flow: Flow, queue: u64, is_first: bool) -> Result<[f64; 2], String> {
        let lab = Lab::new(queue);
        if is_first {
            lab.begin(flow, 0)?;
            thread::sleep(AHEAD);
        }
        lab.begin(Flow::Tcp("cubic"), 1)?;
        if !is_first {
            thread::sleep(AHEAD);
            lab.begin(flow, 0)?;
        }
        thread::sleep(SETTLING);
        let (before, began) = (lab.arrived(), Instant::now());
        thread::sleep(TIME);
        let (after, time) = (lab.arrived(), began.elapsed().as_secs_f64());
        Ok([0, 1].map(|index| (after[index] - before[index]) as f64 * 8.0 / time))
    }

    /// Two hosts and a router. What runs there ends with it.
    struct Lab {
        world: World,
        sender: String,
        receiver: String,
        folder: TempDir,
    }

    impl Lab {
        fn new(queue: u64) -> Self {
            let world = World::new();
            let (sender, receiver) = (world.public_host(), world.public_host());
            let narrow = format!("c-{receiver}");
            // What is wrapped is longer than what is not.
            world.ip(&receiver, "link set wan mtu 1600");
            world.ip("core", &format!("link set {narrow} mtu 1600"));
            let (near, far) = ("192.0.2.1", "192.0.2.10");
            let (to, back) = ("02:00:00:00:00:01", "02:00:00:00:00:02");
            let vxlan = "mtu 1500 type vxlan id 1 nolearning";
            world.ip(
                "core",
                &format!(
                    "link add late address {to} {vxlan} local {near} dstport {ARRIVED}\nlink set late up"
                ),
            );
            world.ip(
                &receiver,
                &format!(
                    "link add late address {back} {vxlan} local {far} remote {near} dstport {LATE}\n\
                     link set late up gso_max_segs 1\n\
                     neigh add {near} lladdr {to} dev late nud permanent\n\
                     route add 198.51.100.0/24 via {near} dev late onlink src {far}"
                ),
            );
            // What comes late comes from where nothing would be sent to.
            let unasked = ["net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.late.rp_filter=0"];
            world.run("core", "sysctl", &["-qw", unasked[0], unasked[1]]);
            let limit = (queue * PRODUCT).to_string();
            let line = ["root", "tbf", "rate", &RATE.to_string(), "burst", "3100", "limit", &limit];
            let said =
                world.run("core", "tc", &[&["qdisc", "add", "dev", &narrow][..], &line].concat());
            assert!(said.trim().is_empty(), "this kernel has no such line: {said}");
            world.nft(
                &receiver,
                &format!(
                    "table ip flows {{\n chain come {{\n type filter hook prerouting priority 0;\n \
                     iifname \"wan\" ip saddr 198.51.100.10 jump each\n }}\n chain each {{\n \
                     ip protocol udp counter\n tcp dport {} counter\n tcp dport {} counter\n }}\n}}\n",
                    PORTS[0], PORTS[1]
                ),
            );
            let folder = tempfile::tempdir().expect("a folder");
            let lab = Self { world, sender, receiver, folder };
            lab.runs("core", &["late"]);
            lab
        }

        /// Starts this program in a namespace, to do one thing there.
        fn runs(&self, space: &str, words: &[&str]) {
            let program = std::env::current_exe().expect("the path of this program");
            let mut command = self.world.command(space, program);
            self.start(command.args(words));
        }

        /// Lets a program run until its namespace is removed.
        #[expect(clippy::zombie_processes, reason = "few, and they end before we do")]
        fn start(&self, command: &mut Command) {
            let said =
                File::options().create(true).append(true).open(self.folder.path().join("said"));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.expect("a file"));
            command.spawn().expect("it starts");
        }

        /// Starts a flow, and returns when it runs. The first is ours.
        fn begin(&self, flow: Flow, index: usize) -> Result<(), String> {
            let before = self.arrived()[index];
            match flow {
                Flow::Tcp(controller) => {
                    let port = PORTS[index].to_string();
                    self.runs(&self.receiver, &["drink", &port]);
                    self.runs(&self.sender, &["pour", &format!("192.0.2.10:{port}"), controller]);
                }
                Flow::Ours(controller) => self.gives(controller),
            }
            let until = Instant::now() + PATIENCE;
            while self.arrived()[index] < before + BEGUN {
                if Instant::now() > until {
                    let said = fs::read_to_string(self.folder.path().join("said"));
                    return Err(format!("{flow:?} does not begin: {said:?}"));
                }
                thread::sleep(Duration::from_millis(100));
            }
            Ok(())
        }

        /// A file of ours is on its way, which is longer than anybody waits for.
        fn gives(&self, controller: &str) {
            let folder = self.folder.path();
            let file = folder.join("file");
            File::create(&file).and_then(|file| file.set_len(RATE / 8 * 120)).expect("a file");
            let settings = folder.join("settings");
            fs::write(&settings, format!("[network]\ncongestion = \"{controller}\"\n"))
                .expect("written");
            let server = SERVER[0].to_string();
            let program = |space: &str, name: &str| {
                // Until the others are there it ends, and is started again.
                let mut command = self.world.command(space, "sh");
                command.args(["-c", "until \"$@\"; do sleep 0.2; done", "sh"]);
                command.args([env!("CARGO_BIN_EXE_p2pchat"), "--name", name]);
                command.args(["--rendezvous", &server, "--data-dir"]).arg(folder.join(name));
                command.env("P2PCHAT_CONFIG", &settings);
                command
            };
            self.start(program("srv", "keeper").args([
                "--serve",
                &format!("{server}:3478"),
                "follow",
            ]));
            self.start(program(&self.receiver, "bob").args(["recv", "--file"]));
            // Nobody can be offered anything who has never been there.
            thread::sleep(Duration::from_secs(1));
            self.start(
                program(&self.sender, "alice").args(["send", "--to", "bob", "--file"]).arg(&file),
            );
        }

        /// Bytes that have come of each flow.
        fn arrived(&self) -> [u64; 2] {
            let listed =
                self.world.run(&self.receiver, "nft", &["list", "chain", "ip", "flows", "each"]);
            let mut counts = listed.split("bytes ").skip(1).map(|rest| {
                let count = rest.split_whitespace().next().and_then(|count| count.parse().ok());
                count.expect("a count")
            });
            let mut next = || counts.next().unwrap_or(0);
            let (ours, one, other): (u64, u64, u64) = (next(), next(), next());
            [ours + one, other]
        }
    }

    /// Keeps back what comes, and lets the kernel have it then.
    fn late() {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, LATE)).expect("a socket");
        let out = socket.try_clone().expect("a socket");
        let (keep, kept) = mpsc::channel::<(Instant, Vec<u8>)>();
        thread::spawn(move || {
            for (due, datagram) in kept {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let _ = out.send_to(&datagram, (Ipv4Addr::LOCALHOST, ARRIVED));
            }
        });
        let mut buffer = [0; 2048];
        while let Ok(length) = socket.recv(&mut buffer) {
            let mut wrapped = buffer[..length].to_vec();
            fill_checksum(&mut wrapped);
            let kept = keep.send((Instant::now() + DELAY, wrapped));
            kept.expect("it runs as long as this does");
        }
    }

    /// The kernel leaves the checksum of what it wraps to a card that is not there.
    fn fill_checksum(wrapped: &mut [u8]) {
        // VXLAN (RFC 7348 §5) and Ethernet stand before it.
        let Some((_, packet)) = wrapped.split_at_mut_checked(8 + 14) else { return };
        let Some(&[version, .., protocol]) = packet.first_chunk::<10>() else { return };
        let length = usize::from(version & 15) * 4;
        let Some((header, rest)) = packet.split_at_mut_checked(length) else { return };
        match protocol {
            6 if version >> 4 == 4 && rest.len() >= 20 => {
                rest[16..18].fill(0);
                let words = header[12..20].chunks(2).chain(rest.chunks(2));
                let words = words.map(|word| {
                    u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low))
                });
                let mut sum = words.sum::<u32>() + u32::from(protocol) + rest.len() as u32;
                while sum > 0xFFFF {
                    sum = (sum >> 16) + (sum & 0xFFFF);
                }
                rest[16..18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
            }
            // Without one (RFC 768).
            17 if version >> 4 == 4 && rest.len() >= 8 => rest[6..8].fill(0),
            _ => {}
        }
    }

    /// Reads from one connection.
    fn drink(port: u16) {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a socket");
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut buffer = vec![0; 1 << 16];
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    }

    /// Writes into one connection.
    fn pour(to: &str, controller: &str) {
        let until = Instant::now() + PATIENCE;
        let mut stream = loop {
            match TcpStream::connect(to) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            thread::sleep(Duration::from_millis(50));
        };
        let socket = socket2::SockRef::from(&stream);
        socket.set_tcp_congestion(controller.as_bytes()).expect("the kernel has it");
        let bytes = vec![7; 1 << 16];
        while stream.write_all(&bytes).is_ok() {}
    }
}
