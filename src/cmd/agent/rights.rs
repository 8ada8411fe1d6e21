// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the agent may still do once everything is open, and as whom (capabilities(7),
//! credentials(7)).

use core::fmt;
use std::io;

use crate::cmd::quoted;
use crate::codec::users;
use crate::failure::Failure;
use crate::sys::files::{self, File};
use crate::sys::privileges::{
    self, Capabilities, Capability, Holder, Privileges, ThisThread, bound_nothing,
};
use crate::sys::user::{self, Directory, Ids};

/// Bytes of a list of users or groups. Larger: refused.
const LIST_BYTES_MAX: usize = 1_024 * 1_024;

const ROOT: u32 = 0;

/// What the rest of the run needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needs {
    /// The kernel lets nobody read the counters without the right to load programs.
    pub reads_maps: bool,
    /// Conntrack is read.
    pub reads_conntrack: bool,
}

impl Needs {
    /// The capabilities that serve them, each with what for, of those that are permitted.
    fn kept(self, uid: u32, permitted: Capabilities) -> Vec<(Capability, &'static str)> {
        let has = |one| permitted.has_any(Capabilities::of(&[one]));
        let mut kept = vec![(
            Capability::NetRaw,
            "to listen on interfaces that come later",
        )];
        if self.reads_maps {
            // Of old there was but the one that may do almost everything.
            let reads = match has(Capability::Bpf) {
                true => Capability::Bpf,
                false => Capability::SysAdmin,
            };
            kept.push((reads, "to read the counters, which this kernel demands"));
        }
        // The file is root's own.
        if self.reads_conntrack && uid != ROOT {
            kept.push((Capability::DacReadSearch, "to read conntrack"));
        }
        kept.retain(|&(one, _)| has(one));
        kept
    }
}

/// What is left; shows it, and why.
#[derive(Clone, Debug)]
pub struct Settled {
    ids: Ids,
    kept: Vec<(Capability, &'static str)>,
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ids { uid, gid } = self.ids;
        write!(f, "rights: user {uid}, group {gid}, no_new_privs; kept: ")?;
        for (index, (one, reason)) in self.kept.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{one} {reason}")?;
        }
        match self.kept.is_empty() {
            true => f.write_str("nothing"),
            false => Ok(()),
        }
    }
}

/// Becomes `user`, a name or number, and gives up for good what `needs` does not ask for. The
/// directories `own`, as far as they are this program's, are given to the user. Call it before any
/// thread starts: all this belongs to the thread that calls.
///
/// # Errors
/// When the user is unknown, or the kernel refuses.
pub fn settle(user: Option<&str>, needs: Needs, own: &[&str]) -> Result<Settled, Failure> {
    if user::threads_count() > 1 {
        return Err(Failure::failed(
            "cannot give up rights: threads run already, which would keep theirs; please report \
             this",
        ));
    }
    let wanted = user.map(find).transpose()?;
    let wanted = wanted.filter(|wanted| wanted.ids.uid != Ids::own().uid);
    let refused =
        |error: io::Error| Failure::failed(format_args!("cannot give up rights: {error}"));
    user::forbid_new_privileges().map_err(refused)?;
    bound_nothing().map_err(refused)?;
    if let Some(wanted) = &wanted {
        for directory in own {
            give(directory, wanted.ids);
        }
        wanted.ids.assume(&wanted.groups).map_err(|error| {
            Failure::failed(format_args!(
                "cannot become user {}: {error}; start as root, or leave 'user' out",
                quoted(user.unwrap_or_default())
            ))
        })?;
    }
    let ids = Ids::own();
    let before = ThisThread.privileges().map_err(refused)?;
    let kept = needs.kept(ids.uid, before.permitted);
    let list: Vec<Capability> = kept.iter().map(|&(one, _)| one).collect();
    let set = Capabilities::of(&list);
    privileges::keep_only(&mut ThisThread, set).map_err(refused)?;
    let after = ThisThread.privileges().map_err(refused)?;
    let expected = Privileges {
        effective: set,
        permitted: set,
        inheritable: Capabilities::default(),
    };
    let is_other = wanted.is_none_or(|wanted| {
        wanted.ids == ids && (ids.uid == ROOT || user::root_is_out_of_reach())
    });
    if after != expected || !is_other {
        return Err(Failure::failed(
            "cannot give up rights: the kernel gave them back; please report this",
        ));
    }
    Ok(Settled { ids, kept })
}

/// Whether the agent could become `wanted`.
///
/// # Errors
/// When there is no such user.
pub fn look_up(wanted: Option<&str>) -> Result<(), Failure> {
    wanted.map_or(Ok(()), |wanted| find(wanted).map(drop))
}

/// Whom to become.
struct User {
    ids: Ids,
    groups: Vec<u32>,
}

fn find(wanted: &str) -> Result<User, Failure> {
    let passwd = list("/etc/passwd")?;
    if let Some(user) = users::user(&passwd, wanted) {
        let group = list("/etc/group")?;
        let (uid, gid) = (user.uid, user.gid);
        return Ok(User {
            ids: Ids { uid, gid },
            groups: users::groups(&group, user.name).collect(),
        });
    }
    // A number that nobody has is a user all the same, with a group of that number alone.
    let number = users::number(wanted.as_bytes()).map(|number| User {
        ids: Ids {
            uid: number,
            gid: number,
        },
        groups: Vec::new(),
    });
    number.ok_or_else(|| {
        Failure::failed(format_args!(
            "user {}: not in /etc/passwd; add it, or give a number",
            quoted(wanted)
        ))
    })
}

fn list(path: &str) -> Result<Vec<u8>, Failure> {
    let read = files::c_path(path).and_then(|path| File::open(&path)?.read_to_end(LIST_BYTES_MAX));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| {
            Failure::failed(format_args!("cannot look up the user: {path}: {error}"))
        }),
    }
}

/// Gives a directory of this program's to a user; any other is for its owner to give.
fn give(directory: &str, to: Ids) {
    let given = files::c_path(directory).and_then(|path| {
        let directory = Directory::open(&path)?;
        match is_ours(&directory.real_path()?) && directory.is_private_of(Ids::own().uid) {
            true => directory.give(to),
            false => Ok(()),
        }
    });
    if let Err(error) = given {
        // Whoever writes there will say what is wrong.
        log::debug!("directory {}: not given: {error}", quoted(directory));
    }
}

/// Whether a directory can hold nothing but what this program wrote: it, or one above it, is called
/// `netvitals`, and it is in a place for what comes and goes, where no program and no configuration
/// is (hier(7)).
fn is_ours(path: &[u8]) -> bool {
    let places: [&[u8]; 4] = [b"/tmp/", b"/run/", b"/var/", b"/dev/shm/"];
    let mut names = path.split(|&byte| byte == b'/');
    places.iter().any(|place| path.starts_with(place)) && names.any(|name| name == b"netvitals")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Capabilities = Capabilities::of(&[
        Capability::DacReadSearch,
        Capability::NetAdmin,
        Capability::NetRaw,
        Capability::SysAdmin,
        Capability::Bpf,
    ]);

    #[track_caller]
    fn check(needs: (bool, bool), uid: u32, permitted: Capabilities, expected: &[Capability]) {
        let needs = Needs {
            reads_maps: needs.0,
            reads_conntrack: needs.1,
        };
        let kept = needs.kept(uid, permitted);
        let kept: Vec<Capability> = kept.into_iter().map(|(one, _)| one).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn only_what_serves_a_need_is_kept() {
        use Capability::{Bpf, DacReadSearch, NetRaw, SysAdmin};
        check((false, false), 0, ALL, &[NetRaw]);
        check((true, false), 0, ALL, &[NetRaw, Bpf]);
        let bpf = Capabilities::of(&[Bpf]);
        check((true, false), 0, ALL.without(bpf), &[NetRaw, SysAdmin]);
        check((true, true), 0, ALL, &[NetRaw, Bpf]);
        check((false, true), 7, ALL, &[NetRaw, DacReadSearch]);
        check((true, true), 7, Capabilities::default(), &[]);
    }

    #[test]
    fn what_is_kept_is_shown_with_its_reason() {
        let mut settled = Settled {
            ids: Ids { uid: 453, gid: 7 },
            kept: Vec::new(),
        };
        let head = "rights: user 453, group 7, no_new_privs; kept: ";
        assert_eq!(settled.to_string(), format!("{head}nothing"));
        let needs = Needs {
            reads_maps: false,
            reads_conntrack: true,
        };
        settled.kept = needs.kept(453, ALL);
        assert_eq!(
            settled.to_string(),
            format!(
                "{head}CAP_NET_RAW to listen on interfaces that come later, CAP_DAC_READ_SEARCH to \
                 read conntrack"
            )
        );
    }

    #[test]
    fn no_place_of_others_is_ours() {
        for path in [
            "/tmp/run/netvitals",
            "/tmp/netvitals/spool",
            "/run/netvitals",
            "/var/lib/netvitals/spool/deep",
            "/dev/shm/netvitals",
        ] {
            assert!(is_ours(path.as_bytes()), "{path}");
        }
        for path in [
            "/tmp",
            "/run",
            "/var/empty",
            "/etc/netvitals",
            "/opt/netvitals/state",
            "/tmp/netvitals.d",
            "/home/tmp/netvitals",
            "/netvitals",
            "",
        ] {
            assert!(!is_ours(path.as_bytes()), "{path}");
        }
    }
}
