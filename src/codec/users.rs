// SPDX-License-Identifier: MIT OR Apache-2.0
//! Users and groups, as passwd(5) and group(5) list them. Those of other sources (LDAP) are not
//! here: a router has none.

use super::units;

/// A user of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// What it is called.
    pub name: &'a [u8],
    /// Its number.
    pub uid: u32,
    /// Number of its own group.
    pub gid: u32,
}

/// The first user of that name in `passwd`, else the first of that number.
pub fn user<'a>(passwd: &'a [u8], wanted: &str) -> Option<User<'a>> {
    let uid = number(wanted.as_bytes());
    let find =
        |is: &dyn Fn(&User<'_>) -> bool| lines(passwd).filter_map(parse).find(|user| is(user));
    find(&|user| user.name == wanted.as_bytes()).or_else(|| find(&|user| Some(user.uid) == uid))
}

/// The groups in `group` that the user of that name is a member of.
pub fn groups<'a>(group: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    lines(group).filter_map(move |line| {
        let mut fields = line.split(|&byte| byte == b':');
        let gid = number(fields.nth(2)?)?;
        let mut members = fields.next()?.split(|&byte| byte == b',');
        members.any(|member| member == name).then_some(gid)
    })
}

/// The number of a user or a group; the largest stands for none (chown(2)).
pub fn number(digits: &[u8]) -> Option<u32> {
    let number = u32::try_from(units::unsigned(digits)?).ok()?;
    (number != u32::MAX).then_some(number)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

fn parse(line: &[u8]) -> Option<User<'_>> {
    let mut fields = line.split(|&byte| byte == b':');
    let name = fields.next()?;
    Some(User {
        name,
        uid: number(fields.nth(1)?)?,
        gid: number(fields.next()?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/ash\n\
        # a note\n\
        broken:x:-1:0\n\
        none:x:4294967295:4294967295::/:\n\
        netvitals:x:453:454:M\xfcller, \xff:/var:/bin/false\n\
        7:x:8:9:::\n\
        other:x:453:455:::\n\
        last:*:65534:65534";

    #[track_caller]
    fn check(wanted: &str, expected: Option<(&str, u32, u32)>) {
        let found = user(PASSWD, wanted);
        let found = found.map(|user| (user.name, user.uid, user.gid));
        let expected = expected.map(|(name, uid, gid)| (name.as_bytes(), uid, gid));
        assert_eq!(found, expected, "{wanted}");
    }

    #[test]
    fn a_user_is_found_by_name_or_number() {
        check("root", Some(("root", 0, 0)));
        check("netvitals", Some(("netvitals", 453, 454)));
        check("453", Some(("netvitals", 453, 454)));
        check("last", Some(("last", 65_534, 65_534)));
        // A name goes before a number.
        check("7", Some(("7", 8, 9)));
        for nobody in [
            "",
            "x",
            "none",
            "broken",
            "4294967295",
            "-1",
            "# a note",
            "99",
        ] {
            check(nobody, None);
        }
    }

    #[test]
    fn a_member_has_all_its_groups() {
        let group = b"a:x:1:netvitals\nb:x:2:\nc:x:3:x,netvitals,y\nd:x:4:netvitalsx\ne:x\n\
                      f:x:z:netvitals\ng:x:5:netvitals";
        let all: Vec<u32> = groups(group, b"netvitals").collect();
        assert_eq!(all, [1, 3, 5]);
    }

    proptest! {
        #[test]
        fn no_list_makes_it_panic(text in "[a:0-9,\n]{0,80}") {
            let _ = user(text.as_bytes(), "0");
            let _ = groups(text.as_bytes(), b"a").count();
        }
    }
}
