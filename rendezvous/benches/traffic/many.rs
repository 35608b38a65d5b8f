//! A bare forwarder that receives and sends many datagrams at once, each by itself: `recvmmsg`, `sendmmsg`.

use std::collections::HashMap;
use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use quinn_udp::BATCH_SIZE;

/// Sends on what comes until it is told to stop, and says how many datagrams that were.
pub(crate) fn forward(
    socket: &UdpSocket,
    routes: &HashMap<SocketAddr, SocketAddr>,
    goes_on: &AtomicBool,
) -> u64 {
    let headers = || MultiHeaders::<SockaddrIn>::preallocate(BATCH_SIZE, None);
    let (mut incoming, mut outgoing) = (headers(), headers());
    let mut buffers = vec![[0; 2048]; BATCH_SIZE];
    let routes: HashMap<SocketAddrV4, SockaddrIn> = routes
        .iter()
        .map(|(from, to)| match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => (*from, (*to).into()),
            _ => unreachable!("all of it is on 127.0.0.1"),
        })
        .collect();
    let mut count = 0_u64;
    while goes_on.load(Ordering::Relaxed) {
        let mut slices: Vec<_> =
            buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let wait = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(socket.as_raw_fd(), &mut incoming, slices.iter_mut(), wait, None);
        let Ok(received) = received else { continue };
        let known = |from: SockaddrIn| SocketAddrV4::new(from.ip(), from.port());
        let received: Vec<_> = received
            .map(|message| (message.bytes, message.address.map(known).expect("a sender")))
            .collect();
        let contents: Vec<_> = received
            .iter()
            .zip(&buffers)
            .map(|((length, _), buffer)| [IoSlice::new(&buffer[..*length])])
            .collect();
        let to: Vec<_> = received.iter().map(|(_, from)| Some(routes[from])).collect();
        let sent =
            sendmmsg(socket.as_raw_fd(), &mut outgoing, &contents, &to, [], MsgFlags::empty());
        count += sent.map_or(0, |sent| sent.count() as u64);
    }
    count
}
