// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is going on with a connection, and what happened on it.

use core::fmt;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The broker is to introduce itself.
    Greeting,
    /// It is to judge who we are.
    Login,
    /// It is to open the virtual host.
    Opening,
    /// It is to open the channel.
    Channel,
    /// It is to declare the queue.
    Declaring,
    /// It is to promise confirms.
    Confirming,
    /// Messages can go.
    Ready,
    /// It is to agree to the end.
    Closing,
    /// It did.
    Closed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "when it should greet",
            Self::Login => "at the login",
            Self::Opening => "when the virtual host was opened",
            Self::Channel => "when the channel was opened",
            Self::Declaring => "when the queue was declared",
            Self::Confirming => "when confirms were asked for",
            Self::Ready => "while messages went out",
            Self::Closing | Self::Closed => "at the end",
        })
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Messages can go.
    Ready,
    /// The message with this tag is the broker's business, or all up to it.
    Acked {
        /// As `Session::publish` gave it; 0 with `multiple` is the newest.
        tag: u64,
        /// All before it too.
        multiple: bool,
    },
    /// The broker failed with the message with this tag, or with all up to it.
    Nacked {
        /// As `Session::publish` gave it; 0 with `multiple` is the newest.
        tag: u64,
        /// All before it too.
        multiple: bool,
    },
    /// A message found no queue. Its confirm follows nevertheless.
    Returned {
        /// Its id.
        message_id: String,
        /// Why: 312 is no route.
        code: u16,
        /// In the broker's words, which may be hostile.
        text: String,
    },
    /// The broker takes no messages until further notice, and why (hostile words).
    Blocked(String),
    /// It takes messages again.
    Unblocked,
    /// It agreed to the end.
    Closed,
}
