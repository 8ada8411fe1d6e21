// SPDX-License-Identifier: MIT OR Apache-2.0
//! The choice of what counts: the best that the kernel lets us have.

use core::fmt;
use std::io;

use super::engine::Kernel;
use super::show::Shown;
use super::{Capture, Engine, TurnError};
use crate::collect::network::ReadError;
use crate::collect::taps::Taps;
use crate::model::interface::InterfaceName;
use crate::model::traffic::Traffic;
use crate::model::unseen::{Blind, Unseen};
use crate::sys::bpf::LoadError;
use crate::sys::ring::Ring;
use crate::time::Mono;

/// ENODEV, the same number on every CPU: an interface vanished since it was told of.
const NO_DEVICE: i32 = 19;

/// ENFILE and EMFILE, the same numbers on every CPU: no file descriptor is left.
const TOO_MANY_OPEN: [i32; 2] = [23, 24];

/// What is to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The program in the kernel, else the ring.
    #[default]
    Auto,
    /// The program in the kernel or nothing.
    Ebpf,
    /// The ring or nothing.
    Ring,
    /// Nothing.
    Off,
}

/// How to capture.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What is to count.
    pub mode: Mode,
    /// KiB of the ring.
    pub ring_kib: u32,
    /// Devices there is room for.
    pub devices_max: usize,
    /// Chance.
    pub seed: u64,
}

/// Why something does not count.
#[derive(Debug)]
enum Refusal {
    Load(LoadError),
    /// After it was loaded.
    Kernel(TurnError),
    Ring(TurnError),
}

impl Capture {
    /// Starts to count on the interfaces of these names, which may not be there yet. Where the
    /// kernel refuses, nothing is counted: see [`Self::source`] and [`Self::remedy`].
    ///
    /// # Errors
    /// When the kernel does not tell its interfaces.
    pub fn start(
        options: &Options,
        wanted: Vec<InterfaceName>,
        now: Mono,
    ) -> Result<Self, ReadError> {
        let mut capture = Self {
            traffic: Traffic::new(options.devices_max, options.seed),
            taps: Taps::open(wanted, now)?,
            engine: Engine::None,
            tapped: Vec::new(),
            fallback_reason: None,
            remedy: None,
            unseen: Unseen::NOTHING,
            lost: 0,
            lost_at_window: 0,
            retry_at: None,
            shown: Shown::default(),
        };
        let &Options {
            mode,
            ring_kib,
            seed,
            ..
        } = options;
        let mut refusals = Vec::new();
        if matches!(mode, Mode::Auto | Mode::Ebpf) {
            refusals.extend(capture.start_kernel(seed, now).err());
        }
        if mode == Mode::Ring || (mode == Mode::Auto && !refusals.is_empty()) {
            refusals.extend(capture.start_ring(ring_kib, now).err());
        }
        if !refusals.is_empty() {
            let reasons: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
            let mut remedies: Vec<String> = refusals.iter().map(Refusal::remedy).collect();
            // Who may do that may open a ring as well.
            if let [Refusal::Load(LoadError::Permission), ..] = refusals[..] {
                remedies.truncate(1);
            }
            remedies.dedup();
            capture.fallback_reason = Some(reasons.join("; "));
            capture.remedy = Some(remedies.join("; "));
        }
        if matches!(capture.engine, Engine::None) {
            capture.tapped.clear();
            (capture.unseen, capture.retry_at) = (Unseen::NOTHING, None);
            if mode != Mode::Off {
                capture.unseen.insert(Blind::NoPermission);
            }
        }
        Ok(capture)
    }

    fn start_kernel(&mut self, seed: u64, now: Mono) -> Result<(), Refusal> {
        let kernel = Kernel::load(seed)
            .inspect_err(tell_verifier)
            .map_err(Refusal::Load)?;
        self.engine = Engine::Ebpf(Box::new(kernel));
        let started = self.begin(now);
        started.map_err(Refusal::Kernel)
    }

    fn start_ring(&mut self, kib: u32, now: Mono) -> Result<(), Refusal> {
        let ring = Ring::open(kib).map_err(|error| Refusal::Ring(TurnError::Tap(error)))?;
        self.engine = Engine::Ring(ring);
        let started = self.begin(now);
        started.map_err(Refusal::Ring)
    }

    /// Tries the engine out, and drops it when that fails.
    fn begin(&mut self, now: Mono) -> Result<(), TurnError> {
        let begun = self.tap(now).and_then(|()| self.read(now));
        match begun {
            Err(TurnError::Tap(error)) if error.raw_os_error() == Some(NO_DEVICE) => Ok(()),
            Err(error) => {
                self.engine = Engine::None;
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Shows what the kernel's verifier wrote, when it is that which refused.
fn tell_verifier(error: &LoadError) {
    if let LoadError::Rejected { log, .. } = error {
        log.lines().for_each(|line| log::info!("verifier: {line}"));
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |error: &io::Error, capability| match error.kind() {
            io::ErrorKind::PermissionDenied => format!("operation not permitted ({capability})"),
            _ => error.to_string(),
        };
        let number = |errno: i32| io::Error::from_raw_os_error(errno);
        match self {
            Self::Load(LoadError::Permission) => {
                f.write_str("bpf: operation not permitted (CAP_BPF)")
            }
            Self::Load(LoadError::Memlock) => {
                f.write_str("bpf: operation not permitted (locked memory)")
            }
            Self::Load(LoadError::Unsupported(errno)) => write!(f, "bpf: {}", number(*errno)),
            Self::Load(LoadError::Rejected { errno, .. }) => {
                write!(f, "bpf: program rejected: {}", number(*errno))
            }
            Self::Kernel(TurnError::Tap(error)) => {
                write!(f, "bpf: tap: {}", plain(error, "CAP_NET_RAW"))
            }
            Self::Kernel(TurnError::Counters(error)) => {
                write!(f, "bpf: maps: {}", plain(error, "CAP_BPF"))
            }
            Self::Ring(TurnError::Tap(error) | TurnError::Counters(error)) => {
                write!(f, "ring: {}", plain(error, "CAP_NET_RAW"))
            }
            Self::Kernel(error) | Self::Ring(error) => error.fmt(f),
        }
    }
}

impl Refusal {
    /// What the user can do.
    fn remedy(&self) -> String {
        let errno = match self {
            Self::Load(LoadError::Unsupported(errno)) => Some(*errno),
            Self::Kernel(TurnError::Tap(error) | TurnError::Counters(error))
            | Self::Ring(TurnError::Tap(error) | TurnError::Counters(error)) => {
                error.raw_os_error()
            }
            _ => None,
        };
        match self {
            _ if errno.is_some_and(|errno| TOO_MANY_OPEN.contains(&errno)) => {
                "raise ulimit -n".into()
            }
            Self::Load(error) => error.to_string(),
            Self::Kernel(TurnError::Tap(error)) | Self::Ring(TurnError::Tap(error))
                if error.kind() == io::ErrorKind::PermissionDenied =>
            {
                "run as root, or give the program CAP_NET_RAW".into()
            }
            Self::Kernel(_) => "try --capture ring".into(),
            Self::Ring(_) => "run as root, or try another --ring-kib".into(),
        }
    }
}
