// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long a broker is waited for.

use core::time::Duration;

/// How much patience there is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// With a broker that was never reached.
    pub first: Duration,
    /// With one that was, since the last confirm: a broker needs 10 to 30 s to start.
    pub again: Duration,
    /// With one that takes messages and confirms none.
    pub confirm: Duration,
    /// With one that says that it takes none for now (memory, disk).
    pub blocked: Duration,
    /// With the answer to our leave.
    pub leave: Duration,
}

/// Unless a test says otherwise.
pub const PATIENCE: Patience = Patience {
    first: Duration::from_secs(5),
    again: Duration::from_secs(60),
    confirm: Duration::from_secs(60),
    blocked: Duration::from_secs(300),
    leave: Duration::from_secs(1),
};
