// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ends a connection, in words, and whether it may go better next time.

use core::fmt;
use core::time::Duration;

use super::event::Phase;
use super::frame::FrameError;
use crate::term::escape::Escaped;

/// Why a connection is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer is not of the protocol.
    Frame {
        /// What is wrong with it.
        error: FrameError,
        /// What was going on.
        during: Phase,
    },
    /// A frame that makes no sense then.
    Unexpected(Phase),
    /// It speaks this version.
    Version(u8, u8),
    /// It knows these ways to log in, and not that by password.
    Mechanisms(String),
    /// It wants frames so short that nobody need support it.
    FrameMax(u32),
    /// The broker ended it.
    Closed {
        /// A reply code of AMQP (section 1.2 of its reference): `406`.
        code: u16,
        /// In the broker's words.
        text: String,
    },
    /// The broker hung up without a word.
    HungUp(Phase),
    /// Nothing was heard for so long, not even a heartbeat.
    Silent(Duration),
    /// So much time was not enough.
    Slow(Phase, Duration),
    /// Messages went out, and for so long none was confirmed.
    Unconfirmed(Duration),
    /// It said that it takes no messages for now, and for so long did not take it back.
    Blocked(Duration),
}

impl Fault {
    /// Whether only a person can mend it; else another try may succeed.
    pub fn lasts(&self) -> bool {
        match self {
            Self::Frame { during, .. } => *during == Phase::Greeting,
            Self::Version(..) | Self::Mechanisms(_) | Self::FrameMax(_) => true,
            // A broker of an older kind does not say that the password is wrong.
            Self::HungUp(during) => *during == Phase::Login,
            // A virtual host, or the node of a queue, that is about to start.
            Self::Closed { text, .. } if text.contains(" is down") => false,
            Self::Closed { code, .. } => matches!(code, 402..=406 | 530 | 540),
            Self::Unexpected(_)
            | Self::Silent(_)
            | Self::Slow(..)
            | Self::Unconfirmed(_)
            | Self::Blocked(_) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { error, during } => {
                write!(f, "{error}, {during}")?;
                match (error, during) {
                    (FrameError::Kind(0x15), Phase::Greeting) => {
                        f.write_str("; the port speaks TLS: set use_ssl = True")
                    }
                    (_, Phase::Greeting) => f.write_str(
                        "; is this the port of AMQP (5672, with TLS 5671)? Has it use_ssl?",
                    ),
                    _ => Ok(()),
                }
            }
            Self::Unexpected(during) => {
                write!(f, "it says what makes no sense {during}")
            }
            Self::Version(major, minor) => {
                write!(f, "it speaks AMQP {major}-{minor}, not 0-9-1")
            }
            Self::Mechanisms(mechanisms) => write!(
                f,
                "it takes no password, only {}; allow PLAIN there (auth_mechanisms)",
                Escaped(mechanisms)
            ),
            Self::FrameMax(bytes) => write!(
                f,
                "it takes frames of {bytes} bytes at most; set its frame_max to 4096 or more"
            ),
            Self::Closed { code, text } => {
                write!(f, "it says {code} {}", Escaped(text))?;
                remedy(*code, text).map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
            }
            Self::HungUp(Phase::Login) => {
                f.write_str("it hung up at the password; check username and password")
            }
            Self::HungUp(during) => write!(f, "it hung up {during}"),
            Self::Silent(span) => write!(
                f,
                "it gave no sign of life for {} s; is it overloaded, or the line dead?",
                span.as_secs()
            ),
            Self::Slow(during, span) => {
                write!(f, "{} s were not enough {during}", span.as_secs())
            }
            Self::Unconfirmed(span) => write!(
                f,
                "it confirmed nothing for {} s; is it overloaded?",
                span.as_secs()
            ),
            Self::Blocked(span) => write!(
                f,
                "it took no messages for {} s, for want of memory or disk; free some there",
                span.as_secs()
            ),
        }
    }
}

/// What a user can do about a reply code.
fn remedy(code: u16, text: &str) -> Option<&'static str> {
    let about = |word: &str| text.contains(word);
    Some(match code {
        320 => "an administrator or a shutdown ended it",
        402 => "correct vhost",
        403 if about("Login was refused") => "check username and password",
        403 => "give the user the right to configure the queue and to write to the exchange",
        404 if about("no exchange") => "create the exchange, or correct `exchange`",
        404 if about("no queue") => "create the queue, or do without `passive`",
        404 => "correct queue, exchange or vhost",
        405 => "another connection has the queue for itself (exclusive); end that, or take another",
        406 if about("inequivalent arg") => {
            "the queue exists and is different: make [rabbit_queue_options] like it, or delete it"
        }
        406 => "correct [rabbit_queue_options]",
        530 => "correct vhost, or give the user access to it (rabbitmqctl set_permissions)",
        540 => "the broker cannot do that; correct [rabbit_queue_options]",
        541 => "see the broker's log",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, text: &str, lasts: bool, expected: &str) {
        let fault = Fault::Closed {
            code,
            text: text.into(),
        };
        assert_eq!(fault.lasts(), lasts, "{fault}");
        let words = fault.to_string();
        assert!(words.contains(text) && words.contains(expected), "{words}");
    }

    #[test]
    fn replies_of_a_real_broker_come_with_a_remedy() {
        let login = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. \
                     For details see the broker logfile.";
        check(403, login, true, "check username and password");
        let vhost = "NOT_ALLOWED - access to vhost '/' refused for user 'nobody'";
        check(530, vhost, true, "set_permissions");
        let topic = "ACCESS_REFUSED - access to exchange 'amq.topic' in vhost '/' refused for \
                     user 'netmon'";
        check(403, topic, true, "write to the exchange");
        let exchange = "NOT_FOUND - no exchange 'netvitals-nope' in vhost '/'";
        check(404, exchange, true, "create the exchange");
        let queue = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
                     received 'true' but current is 'false'";
        check(406, queue, true, "[rabbit_queue_options]");
        let shutdown = "CONNECTION_FORCED - broker forced connection closure with reason \
                        'shutdown'";
        check(320, shutdown, false, "shutdown");
        let starting = "INTERNAL_ERROR - access to vhost '/' refused for user 'admin': vhost '/' \
                        is down";
        check(541, starting, false, "log");
        check(530, "NOT_ALLOWED - vhost 'x' is down", false, "");
    }

    #[test]
    fn what_a_broker_says_cannot_hurt_a_terminal() {
        let fault = Fault::Closed {
            code: 403,
            text: "\u{1b}[2Jgone\nforged".into(),
        };
        assert!(!fault.to_string().contains(['\u{1b}', '\n']), "{fault}");
    }
}
