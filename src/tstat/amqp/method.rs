// SPDX-License-Identifier: MIT OR Apache-2.0
//! What broker and client say to each other (AMQP 0-9-1 and RabbitMQ's extensions), as values: as
//! much of it as it takes to publish. A broker's tables are skipped, so none can be too deep.

use super::frame::{self, Kind};
use super::wire::{Reader, Writer};
use crate::tstat::settings::{Argument, QueueOptions, Rabbit};

/// The channel that all messages take.
pub const CHANNEL: u16 = 1;

/// What a broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It greets: the version that it speaks, and ways to log in, separated by blanks.
    Start {
        /// Major and minor: 0 and 9.
        version: (u8, u8),
        /// `PLAIN AMQPLAIN`.
        mechanisms: String,
    },
    /// What it agrees to; 0 is no limit, and no heartbeats.
    Tune {
        /// Channels at most.
        channel_max: u16,
        /// Bytes of a frame at most.
        frame_max: u32,
        /// Seconds between signs of life.
        heartbeat_s: u16,
    },
    /// The connection, or the channel, is open.
    Opened,
    /// The queue is there.
    Declared,
    /// Each message will be confirmed.
    Confirming,
    /// It ends the connection, or the channel.
    Close {
        /// Why (`406`).
        code: u16,
        /// In its words, which may be hostile.
        text: String,
    },
    /// It agrees to the end of the connection, or of the channel.
    Closed,
    /// It takes no messages until further notice, and why.
    Blocked(String),
    /// It takes messages again.
    Unblocked,
    /// It takes messages on the channel (`true`), or not.
    Flow(bool),
    /// The message with this tag, and all before it when `multiple`, is its business now.
    Ack {
        /// Counts messages from 1.
        tag: u64,
        /// All before it too; all at all when the tag is 0.
        multiple: bool,
    },
    /// The same, but it failed.
    Nack {
        /// Counts messages from 1.
        tag: u64,
        /// All before it too; all at all when the tag is 0.
        multiple: bool,
    },
    /// A message comes back: header and body follow.
    Return {
        /// Why (`312`).
        code: u16,
        /// In its words, which may be hostile.
        text: String,
    },
}

/// The method in the payload of a frame; `None` when no broker says that to a client, or not so.
pub fn hear(payload: &[u8]) -> Option<Heard> {
    let mut from = Reader(payload);
    let heard = match (from.u16()?, from.u16()?) {
        (10, 10) => {
            let version = (from.u8()?, from.u8()?);
            let _properties = from.long()?;
            let mechanisms = String::from_utf8_lossy(from.long()?).into_owned();
            let _locales = from.long()?;
            Heard::Start {
                version,
                mechanisms,
            }
        }
        (10, 30) => Heard::Tune {
            channel_max: from.u16()?,
            frame_max: from.u32()?,
            heartbeat_s: from.u16()?,
        },
        (10, 41) => from.short().map(|_| Heard::Opened)?,
        (20, 11) => from.long().map(|_| Heard::Opened)?,
        (10, 50) | (20, 40) => {
            let (code, text) = (from.u16()?, from.short()?);
            let _cause = (from.u16()?, from.u16()?);
            Heard::Close { code, text }
        }
        (10, 51) | (20, 41) => Heard::Closed,
        (10, 60) => Heard::Blocked(from.short()?),
        (10, 61) => Heard::Unblocked,
        (20, 20) => Heard::Flow(from.u8()? & 1 == 1),
        (50, 11) => {
            let _queue = from.short()?;
            let _messages_and_consumers = (from.u32()?, from.u32()?);
            Heard::Declared
        }
        (85, 11) => Heard::Confirming,
        (60, 50) => {
            let (code, text) = (from.u16()?, from.short()?);
            let _exchange_and_key = (from.short()?, from.short()?);
            Heard::Return { code, text }
        }
        (60, 80) => Heard::Ack {
            tag: from.u64()?,
            multiple: from.u8()? & 1 == 1,
        },
        (60, 120) => Heard::Nack {
            tag: from.u64()?,
            multiple: from.u8()? & 1 == 1,
        },
        _ => return None,
    };
    from.end(heard)
}

/// What the header of a message that comes back says: how many bytes of body follow, and the
/// message's id, empty when it has none.
pub fn hear_header(payload: &[u8]) -> Option<(u64, String)> {
    let mut from = Reader(payload);
    let _class_and_weight = (from.u16()?, from.u16()?);
    let (len, flags) = (from.u64()?, from.u16()?);
    let has = |bit: u16| flags & 1 << bit != 0;
    // In this order: content-type, content-encoding; headers; delivery-mode, priority;
    // correlation-id, reply-to, expiration; message-id.
    for _ in [15, 14].into_iter().filter(|&bit| has(bit)) {
        from.short()?;
    }
    if has(13) {
        from.long()?;
    }
    for _ in [12, 11].into_iter().filter(|&bit| has(bit)) {
        from.u8()?;
    }
    for _ in [10, 9, 8].into_iter().filter(|&bit| has(bit)) {
        from.short()?;
    }
    Some((len, if has(7) { from.short()? } else { String::new() }))
}

/// What we say of ourselves and how we log in (RFC 4616), after [`Heard::Start`].
pub fn put_start_ok(out: &mut Vec<u8>, username: &str, password: &str) {
    const ABLE: [&str; 4] = [
        "publisher_confirms",
        "basic.nack",
        "connection.blocked",
        "authentication_failure_close",
    ];
    Writer::method(out, 0, 10, 11)
        .long(|properties| {
            properties.short("product").text_entry("netvitals");
            let version = env!("CARGO_PKG_VERSION");
            properties.short("version").text_entry(version);
            properties.short("capabilities").u8(b'F').long(|able| {
                for key in ABLE {
                    able.entry(key, &Argument::Boolean(true));
                }
            });
        })
        .short("PLAIN")
        .long(|response| {
            let (zero, username) = (&[0], username.as_bytes());
            response.bytes(zero).bytes(username);
            response.bytes(zero).bytes(password.as_bytes());
        })
        .short("en_US");
}

/// What we agree to, and which virtual host we want, after [`Heard::Tune`].
pub fn put_tune_ok_open(out: &mut Vec<u8>, frame_max: u32, heartbeat_s: u16, vhost: &str) {
    Writer::method(out, 0, 10, 31)
        .u16(CHANNEL)
        .u32(frame_max)
        .u16(heartbeat_s);
    // What follows the virtual host is of older versions.
    Writer::method(out, 0, 10, 40).short(vhost).short("").u8(0);
}

/// Opens the channel.
pub fn put_channel_open(out: &mut Vec<u8>) {
    Writer::method(out, CHANNEL, 20, 10).short("");
}

/// Declares the queue.
pub fn put_declare(out: &mut Vec<u8>, queue: &str, options: &QueueOptions) {
    let wait = false;
    let &QueueOptions {
        passive,
        durable,
        exclusive,
        auto_delete,
        ..
    } = options;
    Writer::method(out, CHANNEL, 50, 10)
        .u16(0)
        .short(queue)
        .bits([passive, durable, exclusive, auto_delete, wait])
        .long(|arguments| {
            for (key, value) in &options.arguments {
                arguments.entry(key, value);
            }
        });
}

/// Asks for confirms.
pub fn put_confirm_select(out: &mut Vec<u8>) {
    Writer::method(out, CHANNEL, 85, 10).bits([false]);
}

/// What each message is sent with.
#[derive(Clone, Debug)]
pub struct Address {
    /// Where to; empty is the default exchange.
    pub exchange: String,
    /// With which key.
    pub routing_key: String,
    /// 2 is written to disk, 1 is not.
    pub delivery_mode: u8,
    /// No frame is longer.
    pub frame_max: usize,
}

/// Publishes a message: to come back if it finds no queue.
pub fn put_publish(out: &mut Vec<u8>, to: &Address, message_id: &str, body: &[u8]) {
    /// content-type, delivery-mode, message-id.
    const FLAGS: u16 = 1 << 15 | 1 << 12 | 1 << 7;
    let (mandatory, immediate) = (true, false);
    Writer::method(out, CHANNEL, 60, 40)
        .u16(0)
        .short(&to.exchange)
        .short(&to.routing_key)
        .bits([mandatory, immediate]);
    Writer::begin(out, Kind::Header, CHANNEL)
        .u16(60)
        .u16(0)
        .u64(body.len() as u64)
        .u16(FLAGS)
        .short("application/json")
        .u8(to.delivery_mode)
        .short(message_id);
    frame::put_body(out, CHANNEL, body, to.frame_max);
}

/// Answers [`Heard::Flow`].
pub fn put_flow_ok(out: &mut Vec<u8>, active: bool) {
    Writer::method(out, CHANNEL, 20, 21).bits([active]);
}

/// Ends the connection.
pub fn put_close(out: &mut Vec<u8>) {
    Writer::method(out, 0, 10, 50).u16(200).short("done").u32(0);
}

/// Agrees to the end of the connection (0) or of the channel.
pub fn put_close_ok(out: &mut Vec<u8>, on: u16) {
    let (class, method) = if on == 0 { (10, 51) } else { (20, 41) };
    Writer::method(out, on, class, method);
}

/// The first of the settings that the wire has no room for, by its key.
pub fn too_long(settings: &Rabbit) -> Option<&str> {
    let named = [
        ("vhost", &settings.vhost),
        ("queue", &settings.queue),
        ("exchange", &settings.exchange),
        ("routing_key", &settings.routing_key),
    ];
    let is_long = |text: &str| text.len() > 255;
    let long = named.into_iter().find(|(_, text)| is_long(text));
    let mut keys = settings
        .queue_options
        .arguments
        .iter()
        .map(|(key, _)| key.as_str());
    long.map(|(key, _)| key)
        .or_else(|| keys.find(|key| is_long(key)))
}

#[cfg(test)]
mod tests;
