// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every way out has in common: it takes slices, and says later which of them arrived.
//!
//! A carrier repeats what it has to by itself (a lost connection, a server that is busy) and gives
//! up only when its patience is over. It never waits longer than it takes to notice a signal.

use core::fmt;

use crate::time::Mono;

/// Up to a hundred objects, ready to go.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a> {
    /// Number in its directory, from 0.
    pub number: u64,
    /// `tstat-DIRECTORY-SLICE-HASH`: the same in every repeat, from any later process too; at most
    /// [`crate::limits::TSTAT_MESSAGE_ID_BYTES_MAX`] bytes, ASCII.
    pub message_id: &'a str,
    /// A JSON array; at most [`crate::limits::TSTAT_SLICE_BYTES_MAX`] bytes.
    pub body: &'a [u8],
    /// How many objects it holds.
    pub objects: u32,
}

/// Why a carrier goes no further, in words for the user: what was tried, on what, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarrierError {
    /// The other side is well but will never take this slice (unroutable, refused as too large).
    /// Slices before it may still be confirmed by [`Carrier::settle`]; another directory may fare
    /// better.
    Refused(String),
    /// Nothing will be taken until a person mends something (wrong password, the queue exists with
    /// other options, a certificate that is not trusted). There is no sense in going on.
    SetUpWrong(String),
    /// The other side is out of reach, or silent, for longer than the carrier's patience.
    Down(String),
    /// SIGINT or SIGTERM came during a wait. What is unconfirmed can still be settled.
    Interrupted,
    /// Whoever read along has gone away, and nobody misses the rest.
    Closed,
}

impl fmt::Display for CarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) | Self::SetUpWrong(text) | Self::Down(text) => f.write_str(text),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Closed => f.write_str("the reader went away"),
        }
    }
}

/// What was done so far, for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Slices that went out, each counted once.
    pub messages: u64,
    /// Slices that were confirmed.
    pub confirmed: u64,
    /// Slices that went out once more.
    pub retried: u64,
    /// Connections that had to be made again.
    pub reconnected: u64,
}

/// A way out.
pub trait Carrier {
    /// Takes a slice, of which it copies what it must keep for repeats; waits while too much is
    /// unconfirmed, and takes in confirmations meanwhile.
    ///
    /// # Errors
    /// When it goes no further; the slice was not taken then, and no earlier one is forgotten by
    /// `Interrupted` and `Refused`.
    fn offer(&mut self, slice: &Slice<'_>) -> Result<(), CarrierError>;

    /// Hands over the numbers of slices that were confirmed since the last call, in any order. Also
    /// called now and then while there is nothing to offer, for signs of life; does not wait.
    fn confirmed(&mut self, on_confirmed: &mut dyn FnMut(u64));

    /// Waits until nothing is unconfirmed: with a `deadline` not longer than that, and whatever
    /// signal comes. Afterwards, whatever the result, nothing is in flight: what was not confirmed
    /// is forgotten, so numbers can begin anew; except after `Interrupted`, when it can be called
    /// again with a deadline.
    ///
    /// # Errors
    /// When something stays unconfirmed, and why; the first reason counts.
    fn settle(&mut self, deadline: Option<Mono>) -> Result<(), CarrierError>;

    /// What was done so far, by all calls together.
    fn tally(&self) -> Tally;

    /// Takes leave of the other side, as far as that is usual there.
    fn close(&mut self) {}
}
