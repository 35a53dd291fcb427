//! Terway without its data path v2, where Calico's Felix enforces policies.

use super::super::sheet::Confidence::High;
use super::super::sheet::{Sheet, done};
use super::{calico, terway};

pub(super) static SHEET: Sheet = Sheet {
    name: "terway-veth",
    title: "Terway with Felix",
    aliases: &["terway-felix", "terway-calico"],
    facts: &[
        terway::OFF,
        done(
            "P-3",
            High,
            "Felix enforces them with any other `eniip_virtual_type`",
            "AliyunContainerService/terway cmd/terway-cli/policy.go",
        ),
    ],
    ..calico::SHEET
};
