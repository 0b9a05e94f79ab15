//! The floors of the house: which of our crates may stand on which.
//!
//! Dependencies point downwards, and the rooms (store, identity, gateway, authz) stand side by side without any. Direct
//! normal dependencies are counted; tests may reach anywhere. A package that is not in the table is an error, so that a new
//! crate is placed on a floor before it is used.

use crate::Complaint;
use crate::graph::Member;

/// A package and those of ours it may import.
#[derive(Debug)]
pub struct Floor {
    pub package: &'static str,
    pub stands_on: &'static [&'static str],
}

/// From the cellar up.
pub const FLOORS: &[Floor] = &[
    Floor { package: "sekisho-token", stands_on: &[] },
    Floor { package: "sekisho-policy", stands_on: &[] },
    Floor { package: "sekisho-fetch", stands_on: &[] },
    Floor { package: "sekisho-wire", stands_on: &["sekisho-token"] },
    Floor { package: "sekisho-model", stands_on: &["sekisho-token", "sekisho-wire"] },
    Floor {
        package: "sekisho-guard",
        stands_on: &["sekisho-fetch", "sekisho-policy", "sekisho-token", "sekisho-wire"],
    },
    Floor { package: "sekisho-store", stands_on: &["sekisho-model", "sekisho-token", "sekisho-wire"] },
    Floor {
        package: "sekisho-identity",
        stands_on: &["sekisho-fetch", "sekisho-guard", "sekisho-model", "sekisho-token", "sekisho-wire"],
    },
    Floor {
        package: "sekisho-gateway",
        stands_on: &["sekisho-fetch", "sekisho-guard", "sekisho-token", "sekisho-wire"],
    },
    Floor {
        package: "sekisho-authz",
        stands_on: &[
            "sekisho-fetch",
            "sekisho-guard",
            "sekisho-model",
            "sekisho-policy",
            "sekisho-token",
            "sekisho-wire",
        ],
    },
    Floor {
        package: "sekisho",
        stands_on: &[
            "sekisho-authz",
            "sekisho-fetch",
            "sekisho-gateway",
            "sekisho-guard",
            "sekisho-identity",
            "sekisho-model",
            "sekisho-policy",
            "sekisho-store",
            "sekisho-token",
            "sekisho-wire",
        ],
    },
    Floor { package: "sekisho-tidy", stands_on: &[] },
];

pub fn check(members: &[Member]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for member in members {
        let Some(floor) = FLOORS.iter().find(|floor| floor.package == member.package) else {
            let found = format!("package `{}` stands on no floor", member.package);
            complaints.push(Complaint::new(&member.manifest, 1, found, "a row in FLOORS (crates/tidy/src/floors.rs)"));
            continue;
        };
        let ours = |name: &str| members.iter().any(|member| member.package == name);
        for need in member.needs.iter().filter(|need| ours(&need.package)) {
            if !floor.stands_on.contains(&need.package.as_str()) {
                let found = format!("`{}` imports `{}`", member.package, need.package);
                let expected = format!("only what its floor allows: {:?}", floor.stands_on);
                complaints.push(Complaint::new(&member.manifest, need.line, found, expected));
            }
        }
    }
    complaints
}
