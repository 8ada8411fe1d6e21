// SPDX-License-Identifier: MIT OR Apache-2.0
//! A broker of AMQP 0-9-1 on loopback, in a thread, that behaves as a test tells it.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use netvitals::tstat::amqp::frame::{self, Kind};

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Counts connections from 1.
    pub connection: u32,
    /// Counts messages on the connection from 1.
    pub tag: u64,
    pub exchange: String,
    pub routing_key: String,
    pub mandatory: bool,
    pub content_type: String,
    pub delivery_mode: u8,
    pub id: String,
    pub body: Vec<u8>,
    /// Bytes of the longest frame of its body.
    pub frame_longest: usize,
}

/// What the broker does.
#[derive(Clone, Debug)]
pub enum Act {
    Ack(u64),
    AckAll(u64),
    Nack(u64),
    /// Gives the last message back, with its header and body.
    Return,
    Blocked(&'static str),
    Unblocked,
    CloseConnection(u16, &'static str),
    CloseChannel(u16, &'static str),
    Bytes(Vec<u8>),
    /// The same without end.
    Flood(Vec<u8>),
    Wait(Duration),
    /// Hangs up.
    Cut,
    /// Says nothing more, and keeps the connection until the client ends it.
    Mute,
}

/// Where a connection stands when [`Manner::on`] is asked what to do instead of the usual.
#[derive(Clone, Debug)]
pub enum Moment<'a> {
    /// The client has connected.
    Connected,
    /// It has logged in.
    Login,
    /// It declares the queue.
    Declare,
    /// It has published this.
    Published(&'a Message),
}

type On = dyn FnMut(u32, &Moment<'_>) -> Option<Vec<Act>> + Send;

struct Shared {
    messages: Mutex<Vec<Message>>,
    closes: AtomicU32,
    heartbeats: AtomicU32,
    connections: AtomicU32,
    stop: AtomicBool,
}

pub struct Broker {
    pub port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// One that agrees to these frames and heartbeats. `on` may say what to do at a moment of a
    /// connection (counted from 1); `None` is the usual, which is to confirm a message.
    pub fn start(
        frame_max: u32,
        heartbeat_s: u16,
        on: impl FnMut(u32, &Moment<'_>) -> Option<Vec<Act>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            messages: Mutex::default(),
            closes: AtomicU32::new(0),
            heartbeats: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let mut on: Box<On> = Box::new(on);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if of_thread.stop.load(Ordering::SeqCst) {
                    return;
                }
                let number = of_thread.connections.fetch_add(1, Ordering::SeqCst) + 1;
                let mut peer = Peer {
                    stream: stream.unwrap(),
                    number,
                    on: &mut *on,
                    shared: &of_thread,
                    message: Message::default(),
                    tag: 0,
                    tune: (frame_max, heartbeat_s),
                };
                // The client's end, or ours: `None` either way.
                let _ = peer.serve();
            }
        });
        Self {
            port,
            shared,
            thread: Some(thread),
        }
    }

    pub fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }

    pub fn connections(&self) -> u32 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How often a client took its leave.
    pub fn closes(&self) -> u32 {
        self.shared.closes.load(Ordering::SeqCst)
    }

    pub fn heartbeats(&self) -> u32 {
        self.shared.heartbeats.load(Ordering::SeqCst)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.take().map(JoinHandle::join);
    }
}

struct Peer<'a> {
    stream: TcpStream,
    number: u32,
    on: &'a mut On,
    shared: &'a Shared,
    message: Message,
    tag: u64,
    tune: (u32, u16),
}

impl Peer<'_> {
    fn serve(&mut self) -> Option<()> {
        let mut hello = [0; 8];
        self.stream.read_exact(&mut hello).ok()?;
        assert_eq!(&hello, b"AMQP\0\0\x09\x01");
        let start = b"\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US";
        let start = |peer: &mut Self| peer.method(0, start);
        self.instead(Moment::Connected, start)?;
        loop {
            let (kind, payload) = self.frame()?;
            match kind {
                Kind::Heartbeat => {
                    self.shared.heartbeats.fetch_add(1, Ordering::SeqCst);
                }
                Kind::Method => self.on_method(&payload)?,
                Kind::Header => self.on_header(&payload)?,
                Kind::Body => {
                    let longest = &mut self.message.frame_longest;
                    *longest = payload.len().max(*longest);
                    self.message.body.extend_from_slice(&payload);
                    self.on_message()?;
                }
            }
        }
    }

    fn frame(&mut self) -> Option<(Kind, Vec<u8>)> {
        let mut bytes = vec![0; 7];
        self.stream.read_exact(&mut bytes).ok()?;
        let len = u32::from_be_bytes(bytes[3..7].try_into().unwrap()) as usize;
        bytes.resize(len + frame::OVERHEAD, 0);
        self.stream.read_exact(&mut bytes[7..]).ok()?;
        let size_max = self.tune.0.max(4_096) as usize;
        let (frame, _) = frame::split(&bytes, size_max).unwrap().unwrap();
        Some((frame.kind, frame.payload.to_vec()))
    }

    fn on_method(&mut self, payload: &[u8]) -> Option<()> {
        match (payload[1], payload[3]) {
            (10, 11) => {
                let mut tune = vec![0, 10, 0, 30, 7, 255];
                tune.extend_from_slice(&self.tune.0.to_be_bytes());
                tune.extend_from_slice(&self.tune.1.to_be_bytes());
                self.instead(Moment::Login, |peer| peer.method(0, &tune))
            }
            (10, 31) => Some(()),
            (10, 40) => self.method(0, &[0, 10, 0, 41, 0]),
            (20, 10) => self.method(1, &[0, 20, 0, 11, 0, 0, 0, 0]),
            (50, 10) => {
                let declared = b"\0\x32\0\x0b\x01q\0\0\0\0\0\0\0\0";
                self.instead(Moment::Declare, |peer| peer.method(1, declared))
            }
            (85, 10) => self.method(1, &[0, 85, 0, 11]),
            (60, 40) => {
                let (exchange, rest) = short(&payload[6..]);
                let (routing_key, rest) = short(rest);
                self.tag += 1;
                self.message = Message {
                    connection: self.number,
                    tag: self.tag,
                    exchange,
                    routing_key,
                    mandatory: rest == [1],
                    ..Message::default()
                };
                Some(())
            }
            (10, 50) => {
                self.shared.closes.fetch_add(1, Ordering::SeqCst);
                self.method(0, &[0, 10, 0, 51]);
                None
            }
            // It agrees to the end of the connection: hang up.
            (10, 51) => None,
            (20, 41) => Some(()),
            other => panic!("the client says {other:?}"),
        }
    }

    fn on_header(&mut self, payload: &[u8]) -> Option<()> {
        assert_eq!(payload[12..14], [0x90, 0x80], "other properties");
        let (content_type, rest) = short(&payload[14..]);
        self.message.content_type = content_type;
        self.message.delivery_mode = rest[0];
        self.message.id = short(&rest[1..]).0;
        let len = u64::from_be_bytes(payload[4..12].try_into().unwrap());
        self.message
            .body
            .reserve_exact(usize::try_from(len).unwrap());
        Some(())
    }

    fn on_message(&mut self) -> Option<()> {
        if self.message.body.len() < self.message.body.capacity() {
            return Some(());
        }
        let message = self.message.clone();
        self.shared.messages.lock().unwrap().push(message.clone());
        let tag = self.tag;
        self.instead(Moment::Published(&message), |peer| peer.act(&Act::Ack(tag)))
    }

    fn instead(
        &mut self,
        moment: Moment<'_>,
        usual: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        match (self.on)(self.number, &moment) {
            None => usual(self),
            Some(acts) => acts.iter().try_for_each(|act| self.act(act)),
        }
    }

    fn act(&mut self, act: &Act) -> Option<()> {
        let confirm = |method, tag: u64, multiple| {
            let mut payload = vec![0, 60, 0, method];
            payload.extend_from_slice(&tag.to_be_bytes());
            payload.push(multiple);
            payload
        };
        match act {
            Act::Ack(tag) => self.method(1, &confirm(80, *tag, 0)),
            Act::AckAll(tag) => self.method(1, &confirm(80, *tag, 1)),
            Act::Nack(tag) => self.method(1, &confirm(120, *tag, 0)),
            Act::Return => self.give_back(),
            Act::Blocked(reason) => self.method(0, &text(&[0, 10, 0, 60], reason)),
            Act::Unblocked => self.method(0, &[0, 10, 0, 61]),
            Act::CloseConnection(code, why) => {
                let [high, low] = code.to_be_bytes();
                let payload = text(&[0, 10, 0, 50, high, low], why);
                self.method(0, &[&payload[..], &[0; 4]].concat())
            }
            Act::CloseChannel(code, why) => {
                let [high, low] = code.to_be_bytes();
                let payload = text(&[0, 20, 0, 40, high, low], why);
                self.method(1, &[&payload[..], &[0; 4]].concat())
            }
            Act::Bytes(bytes) => self.stream.write_all(bytes).ok(),
            Act::Flood(bytes) => loop {
                self.stream.write_all(bytes).ok()?;
            },
            Act::Wait(span) => {
                thread::sleep(*span);
                Some(())
            }
            Act::Cut => {
                // What was said before arrives: nothing is left unread that would reset the line.
                self.stream.shutdown(Shutdown::Write).ok()?;
                self.act(&Act::Mute)
            }
            Act::Mute => {
                let mut bytes = [0; 4_096];
                while self.stream.read(&mut bytes).is_ok_and(|len| len > 0) {}
                None
            }
        }
    }

    fn give_back(&mut self) -> Option<()> {
        let message = self.message.clone();
        let mut method = text(&[0, 60, 0, 50, 1, 56], "NO_ROUTE");
        method = text(&method, &message.exchange);
        method = text(&method, &message.routing_key);
        let mut header = vec![0, 60, 0, 0];
        header.extend_from_slice(&(message.body.len() as u64).to_be_bytes());
        header.extend_from_slice(&[0x90, 0x80]);
        header = text(&header, &message.content_type);
        header.push(message.delivery_mode);
        header = text(&header, &message.id);
        let mut bytes = Vec::new();
        frame::put(&mut bytes, Kind::Method, 1, &method);
        frame::put(&mut bytes, Kind::Header, 1, &header);
        frame::put_body(&mut bytes, 1, &message.body, self.tune.0 as usize);
        self.stream.write_all(&bytes).ok()
    }

    fn method(&mut self, channel: u16, payload: &[u8]) -> Option<()> {
        let mut bytes = Vec::new();
        frame::put(&mut bytes, Kind::Method, channel, payload);
        self.stream.write_all(&bytes).ok()
    }
}

/// A short string, and what follows it.
fn short(bytes: &[u8]) -> (String, &[u8]) {
    let (text, rest) = bytes[1..].split_at(bytes[0].into());
    (String::from_utf8(text.to_vec()).unwrap(), rest)
}

fn text(before: &[u8], text: &str) -> Vec<u8> {
    [before, &[text.len() as u8], text.as_bytes()].concat()
}
