//! The air gap, in a process of its own: it cannot be taken down again.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]
#![allow(clippy::disallowed_methods, reason = "what must be refused is tried")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;

/// S-air-gap
#[test]
fn nothing_connects_any_more_and_what_was_bound_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Positive control: before, it is possible, and a child can do it.
    let mut before = TcpStream::connect(address).unwrap();
    let probe = format!("exec 3<>/dev/tcp/127.0.0.1/{}", address.port());
    assert!(Command::new("bash").args(["-c", &probe]).status().unwrap().success());
    // A thread that is there already is behind the wall, too.
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let elder = std::thread::spawn(move || {
        asked.recv().unwrap();
        TcpStream::connect(address).map(drop)
    });

    let landlocked = egress::forbid_connections();
    egress::shut_air_gap().unwrap();

    ask.send(()).unwrap();
    assert_eq!(elder.join().unwrap().unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(UdpSocket::bind("127.0.0.1:0").unwrap_err().kind(), ErrorKind::PermissionDenied);
    let tried = Command::new("bash").args(["-c", &probe]).output().unwrap();
    assert!(!tried.status.success(), "a child is behind the wall, {landlocked:?}");
    assert!(String::from_utf8_lossy(&tried.stderr).contains("ermission denied"), "{tried:?}");

    let (mut accepted, _) = listener.accept().unwrap();
    before.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    accepted.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    let (mut one, mut other) = UnixStream::pair().unwrap();
    one.write_all(b"x").unwrap();
    other.read_exact(&mut heard[..1]).unwrap();
    // Once more is no error: a filter on a filter.
    egress::shut_air_gap().unwrap();
}
