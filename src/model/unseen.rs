// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a capture cannot see, and so what is missing from its numbers.

/// A reason why something is not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blind {
    /// The kernel does not let us look.
    NoPermission,
    /// An interface that is wanted is not there.
    NoInterface,
    /// Hardware forwards without the CPU.
    HardwareOffload,
    /// A switch forwards between its ports without the CPU.
    SwitchLocal,
    /// Frames that found the ring full.
    RingLoss,
}

impl Blind {
    /// All, in the order of documents.
    pub const ALL: [Self; 5] = [
        Self::NoPermission,
        Self::NoInterface,
        Self::HardwareOffload,
        Self::SwitchLocal,
        Self::RingLoss,
    ];
}

/// A set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen(u8);

impl Unseen {
    /// Nothing is known to be missing.
    pub const NOTHING: Self = Self(0);

    /// Adds a reason.
    pub fn insert(&mut self, reason: Blind) {
        self.0 |= 1 << reason as u8;
    }

    /// Whether it holds a reason.
    pub fn contains(self, reason: Blind) -> bool {
        self.0 & (1 << reason as u8) != 0
    }

    /// The reasons of both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its reasons, in the order of documents.
    pub fn iter(self) -> impl Iterator<Item = Blind> {
        Blind::ALL
            .into_iter()
            .filter(move |&reason| self.contains(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_kept_once_and_in_order() {
        let mut unseen = Unseen::NOTHING;
        assert_eq!(unseen.iter().count(), 0);
        for reason in [Blind::RingLoss, Blind::NoInterface, Blind::RingLoss] {
            unseen.insert(reason);
        }
        let mut more = Unseen::default();
        more.insert(Blind::NoPermission);
        let all: Vec<_> = unseen.and(more).iter().collect();
        assert_eq!(
            all,
            [Blind::NoPermission, Blind::NoInterface, Blind::RingLoss]
        );
        assert!(!unseen.contains(Blind::NoPermission));
    }
}
