//! What the demo shop keeps: families of things, each in several sizes.

use jiff::civil::Weekday;
use ticker_domain::stock::{Thresholds, ThresholdsError};

/// Where things are at home.
pub(super) const LOCATIONS: [&str; 3] = ["Shop floor", "Back room", "Warehouse"];
const SHOP: usize = 0;
const BACK: usize = 1;
pub(super) const STORE: usize = 2;

/// A group of families that one supplier brings on one day of the week.
pub(super) struct Category {
    pub(super) name: &'static str,
    code: &'static str,
    pub(super) supplier: &'static str,
    pub(super) delivered_on: Weekday,
    families: &'static [Family],
}

/// Things that differ in their size only.
struct Family {
    code: &'static str,
    /// The name, with `{}` where the size goes.
    name: &'static str,
    unit: &'static str,
    home: usize,
    /// How many of each size are sold in a usual week.
    weekly: u8,
    /// How many come in a package; 0 where nobody has set thresholds.
    package: u8,
    /// Whether what does not fit on the shelf lies in the warehouse.
    reserve: bool,
    sizes: &'static [&'static str],
}

/// One thing in one size.
pub(super) struct Thing {
    /// Its place in [`CATALOGUE`].
    pub(super) category: usize,
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) barcode: String,
    pub(super) unit: &'static str,
    pub(super) home: usize,
    pub(super) weekly: i64,
    pub(super) reserve: bool,
    pub(super) thresholds: Thresholds,
}

/// Everything that the shop keeps, in the order of the catalogue.
///
/// # Errors
/// [`ThresholdsError`] if the table contradicts itself.
pub(super) fn things() -> Result<Vec<Thing>, ThresholdsError> {
    let mut things = Vec::new();
    for (place, category) in CATALOGUE.iter().enumerate() {
        for family in category.families {
            for size in family.sizes {
                things.push(Thing {
                    category: place,
                    name: family.name.replace("{}", size),
                    sku: format!("{}-{}-{}", category.code, family.code, compact(size)),
                    barcode: barcode(place, things.len()),
                    unit: family.unit,
                    home: family.home,
                    weekly: i64::from(family.weekly),
                    reserve: family.reserve,
                    thresholds: thresholds(family)?,
                });
            }
        }
    }
    Ok(things)
}

/// A week's sales are the least that should be there, four weeks' the most, in whole packages.
fn thresholds(family: &Family) -> Result<Thresholds, ThresholdsError> {
    if family.package == 0 {
        return Ok(Thresholds::default());
    }
    let (weekly, package) = (i64::from(family.weekly), i64::from(family.package));
    let minimum = weekly.max(2);
    let target = (weekly * 4).max(minimum + 3);
    let target = (target + package - 1) / package * package;
    Thresholds::new(Some(minimum), Some(target), Some(package))
}

/// A size as it stands in a SKU: `M4 × 16` becomes `M4X16`.
fn compact(size: &str) -> String {
    let kept = size.chars().filter_map(|c| match c {
        '×' => Some('X'),
        '²' => Some('2'),
        '.' => Some('.'),
        c if c.is_ascii_alphanumeric() => Some(c.to_ascii_uppercase()),
        _ => None,
    });
    kept.collect()
}

/// An EAN-13 of the range 200, which is left to shops for codes of their own (GS1 General
/// Specifications, section 1.4).
fn barcode(category: usize, thing: usize) -> String {
    let digits = format!("200{:02}{:07}", category + 1, thing + 1);
    format!("{digits}{}", check_digit(&digits))
}

/// The 13th digit: from the right, every other digit counts three times, and all add up to a multiple
/// of ten.
fn check_digit(digits: &str) -> u32 {
    let weighted = digits.chars().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighted
        .filter_map(|(digit, weight)| Some(digit.to_digit(10)? * weight))
        .sum();
    (10 - sum % 10) % 10
}

macro_rules! families {
    ($($code:literal $name:literal, $unit:literal, $home:ident, $weekly:literal, $package:literal $($reserve:ident)?: [$($size:literal),+];)+) => {
        &[$(Family {
            code: $code,
            name: $name,
            unit: $unit,
            home: $home,
            weekly: $weekly,
            package: $package,
            reserve: families!(@ $($reserve)?),
            sizes: &[$($size),+],
        },)+]
    };
    (@) => { false };
    (@ reserve) => { true };
}

pub(super) static CATALOGUE: [Category; 12] = [
    Category {
        name: "Adhesives",
        code: "ADH",
        supplier: "Klebwerk",
        delivered_on: Weekday::Tuesday,
        families: families! {
            "WOD" "Wood glue {}", "bottle", SHOP, 4, 6: ["75 g", "250 g", "750 g"];
            "SUP" "Super glue {}", "tube", SHOP, 9, 12: ["3 g", "20 g"];
            "EPX" "Two-part epoxy {}", "set", SHOP, 3, 5: ["24 ml", "50 ml"];
            "SIL" "Silicone sealant, {}", "cartridge", SHOP, 7, 12: ["clear", "white", "grey"];
            "DBL" "Double-sided tape {}", "roll", SHOP, 5, 10: ["19 mm × 10 m", "25 mm × 10 m", "50 mm × 25 m"];
            "LCK" "Thread locker, {}", "bottle", BACK, 2, 0: ["medium", "strong"];
            "HOT" "Hot glue sticks {}, pack of 20", "pack", SHOP, 4, 10: ["11 mm"];
        },
    },
    Category {
        name: "Batteries",
        code: "BAT",
        supplier: "Voltan Trading",
        delivered_on: Weekday::Monday,
        families: families! {
            "ALK" "{} batteries, pack of 4", "pack", SHOP, 18, 20 reserve: ["AA", "AAA", "C", "D"];
            "RCH" "Rechargeable {} batteries, pack of 4", "pack", SHOP, 5, 10: ["AA", "AAA"];
            "COI" "Coin cell {}", "pcs", SHOP, 8, 10: ["CR1220", "CR1616", "CR2016", "CR2025", "CR2032", "CR2450"];
            "BLK" "9 V block battery, {}", "pcs", SHOP, 6, 10: ["alkaline", "lithium"];
            "LEA" "Lead-acid battery {}", "pcs", BACK, 2, 4: ["6 V 4.5 Ah", "12 V 7.2 Ah", "12 V 12 Ah"];
            "CHG" "Battery charger, {}", "pcs", SHOP, 2, 0: ["4 slots"];
        },
    },
    Category {
        name: "Cables",
        code: "CAB",
        supplier: "Voltan Trading",
        delivered_on: Weekday::Monday,
        families: families! {
            "HDM" "HDMI cable {}", "pcs", SHOP, 5, 5: ["1 m", "2 m", "3 m"];
            "ETH" "Ethernet cable Cat 6, {}", "pcs", SHOP, 6, 10: ["0.5 m", "1 m", "2 m", "5 m"];
            "USC" "USB-C cable {}", "pcs", SHOP, 8, 10: ["0.5 m", "1 m", "2 m"];
            "EXT" "Extension lead {}", "pcs", SHOP, 4, 5: ["2 m", "3 m", "5 m"];
            "INS" "Installation cable {}", "m", STORE, 30, 50: ["3 × 1.5 mm²", "3 × 2.5 mm²", "5 × 1.5 mm²"];
            "TIE" "Cable ties {}, pack of 100", "pack", SHOP, 7, 10: ["100 mm", "140 mm", "200 mm", "300 mm"];
        },
    },
    Category {
        name: "Cleaning",
        code: "CLN",
        supplier: "Blank & Rein",
        delivered_on: Weekday::Thursday,
        families: families! {
            "APC" "All-purpose cleaner {}", "bottle", BACK, 4, 6: ["1 l", "5 l", "10 l"];
            "GLS" "Glass cleaner {}", "bottle", BACK, 3, 6: ["500 ml", "5 l"];
            "SOP" "Hand soap {}", "bottle", BACK, 4, 6: ["300 ml", "5 l"];
            "CLO" "Microfibre cloths, {}", "pack", SHOP, 3, 10: ["blue", "green", "red", "yellow"];
            "BAG" "Bin bags {}, roll of 25", "roll", BACK, 8, 20 reserve: ["35 l", "60 l", "120 l", "240 l"];
            "TOW" "Paper towels, {}", "pack", BACK, 6, 8 reserve: ["2-ply", "3-ply"];
            "BRM" "Broom head {}", "pcs", SHOP, 1, 0: ["40 cm"];
        },
    },
    Category {
        name: "Electrical",
        code: "ELE",
        supplier: "Ampere Supply",
        delivered_on: Weekday::Wednesday,
        families: families! {
            "MCB" "Circuit breaker {}", "pcs", BACK, 3, 6: ["B10", "B16", "C16"];
            "SOC" "Wall socket, {}", "pcs", SHOP, 6, 10: ["white", "black", "anthracite"];
            "SWI" "Light switch, {}", "pcs", SHOP, 5, 10: ["one-way", "two-way", "dimmer"];
            "FUS" "Glass fuses 5 × 20 mm, {}, pack of 10", "pack", BACK, 3, 10: ["500 mA", "1 A", "2 A", "5 A"];
            "TRM" "Terminal block {}", "strip", BACK, 5, 10: ["2.5 mm²", "4 mm²", "6 mm²"];
            "TAP" "Insulating tape, {}", "roll", SHOP, 8, 10: ["black", "blue", "red", "green and yellow"];
        },
    },
    Category {
        name: "Fasteners",
        code: "FAS",
        supplier: "Gewinde Direct",
        delivered_on: Weekday::Friday,
        families: families! {
            "HXB" "Hex bolt {}, box of 100", "box", SHOP, 5, 10 reserve: [
                "M4 × 16", "M4 × 20", "M5 × 20", "M5 × 30", "M6 × 20", "M6 × 30", "M6 × 40", "M8 × 30",
                "M8 × 40", "M8 × 60", "M10 × 60"
            ];
            "NUT" "Hex nut {}, box of 100", "box", SHOP, 5, 10: ["M3", "M4", "M5", "M6", "M8", "M10", "M12"];
            "WSH" "Washer {}, box of 100", "box", SHOP, 5, 10: ["M3", "M4", "M5", "M6", "M8", "M10", "M12"];
            "WDS" "Wood screw {}, box of 200", "box", SHOP, 6, 10: [
                "3 × 20", "3.5 × 30", "4 × 40", "4 × 50", "5 × 60", "5 × 80", "6 × 100"
            ];
            "PLG" "Wall plug {}, box of 100", "box", SHOP, 4, 10: ["5 × 25", "6 × 30", "8 × 40", "10 × 50"];
        },
    },
    Category {
        name: "Garden",
        code: "GAR",
        supplier: "Grünland",
        delivered_on: Weekday::Saturday,
        families: families! {
            "HOS" "Garden hose {}", "pcs", SHOP, 2, 3: ["10 m", "20 m", "50 m"];
            "CON" "Hose connector {}", "pcs", SHOP, 4, 10: ["13 mm", "19 mm"];
            "POT" "Terracotta pot {}", "pcs", SHOP, 5, 8: ["12 cm", "18 cm", "24 cm", "30 cm"];
            "SOI" "Potting soil {}", "bag", STORE, 9, 20: ["10 l", "20 l", "40 l"];
            "GRS" "Lawn seed {}", "bag", STORE, 3, 6: ["1 kg", "5 kg"];
            "TWI" "Garden twine {}", "roll", SHOP, 3, 0: ["50 m", "100 m"];
            "GLV" "Gardening gloves, size {}", "pair", SHOP, 3, 6: ["M", "L"];
        },
    },
    Category {
        name: "Hardware",
        code: "HRD",
        supplier: "Gewinde Direct",
        delivered_on: Weekday::Friday,
        families: families! {
            "HNG" "Butt hinge {}", "pair", SHOP, 4, 10: ["40 mm", "50 mm", "75 mm", "100 mm"];
            "CST" "Swivel castor {}", "pcs", SHOP, 5, 8: ["40 mm", "50 mm", "75 mm"];
            "HOK" "Brass cup hook {}, pack of 10", "pack", SHOP, 3, 10: ["20 mm", "25 mm", "32 mm"];
            "LOK" "Padlock {}", "pcs", SHOP, 3, 6: ["30 mm", "40 mm", "50 mm"];
            "CHN" "Galvanised chain {}", "m", BACK, 12, 25: ["3 mm", "4 mm", "5 mm"];
            "BRK" "Shelf bracket {}", "pair", SHOP, 4, 10: ["150 × 125 mm", "250 × 200 mm", "350 × 300 mm"];
            "MAG" "Magnetic catch {}", "pcs", SHOP, 2, 0: ["4 kg"];
        },
    },
    Category {
        name: "Lighting",
        code: "LGT",
        supplier: "Ampere Supply",
        delivered_on: Weekday::Wednesday,
        families: families! {
            "E27" "LED bulb E27, {}", "pcs", SHOP, 8, 10 reserve: ["5 W", "8 W", "11 W", "15 W"];
            "E14" "LED bulb E14, {}", "pcs", SHOP, 6, 10: ["3 W", "5 W", "7 W"];
            "G10" "LED spot GU10, {}", "pcs", SHOP, 5, 10: ["3 W", "5 W"];
            "TUB" "LED tube T8, {}", "pcs", BACK, 3, 10: ["60 cm", "120 cm", "150 cm"];
            "STR" "LED strip 5 m, {}", "roll", SHOP, 3, 5: ["2700 K", "4000 K", "6500 K"];
            "TOR" "LED torch, {}", "pcs", SHOP, 2, 4: ["100 lm", "300 lm", "900 lm"];
            "DRV" "LED driver 12 V, {}", "pcs", BACK, 2, 0: ["30 W", "60 W"];
        },
    },
    Category {
        name: "Office",
        code: "OFF",
        supplier: "Papyrus & Co.",
        delivered_on: Weekday::Thursday,
        families: families! {
            "PAP" "Copy paper {}", "ream", STORE, 10, 25: ["A4 80 g", "A4 120 g", "A3 80 g"];
            "PEN" "Ballpoint pen, {}", "pcs", SHOP, 10, 20: ["blue", "black", "red", "green"];
            "MRK" "Permanent marker, {}", "pcs", SHOP, 6, 10: ["black", "blue"];
            "ENV" "Envelopes {}, box of 500", "box", BACK, 3, 5: ["DL", "C5", "C4"];
            "LAF" "Lever arch file {}", "pcs", BACK, 5, 10: ["50 mm", "80 mm"];
            "STK" "Sticky notes {}", "pack", SHOP, 4, 12: ["38 × 51 mm", "76 × 76 mm", "76 × 127 mm"];
            "STP" "Staples {}, box of 1000", "box", SHOP, 2, 0: ["24/6"];
        },
    },
    Category {
        name: "Packaging",
        code: "PKG",
        supplier: "Papyrus & Co.",
        delivered_on: Weekday::Thursday,
        families: families! {
            "BOX" "Shipping box {}", "pcs", STORE, 25, 50: [
                "150 × 100 × 100 mm", "200 × 150 × 100 mm", "300 × 200 × 150 mm", "400 × 300 × 200 mm",
                "500 × 400 × 300 mm"
            ];
            "ENV" "Padded envelope {}", "pcs", STORE, 20, 50: ["A5", "B5", "A4", "B4", "A3"];
            "TPE" "Packing tape, {}", "roll", SHOP, 9, 12: ["clear", "brown", "fragile"];
            "BUB" "Bubble wrap {}", "roll", STORE, 2, 2: ["50 cm × 10 m", "50 cm × 50 m", "100 cm × 50 m"];
            "STR" "Stretch film, {}", "roll", STORE, 4, 6: ["clear"];
            "BND" "Pallet strapping {}", "roll", STORE, 1, 0: ["12 mm"];
        },
    },
    Category {
        name: "Safety",
        code: "SAF",
        supplier: "Blank & Rein",
        delivered_on: Weekday::Thursday,
        families: families! {
            "NIT" "Nitrile gloves {}, box of 100", "box", BACK, 6, 10 reserve: ["S", "M", "L", "XL"];
            "WRK" "Work gloves, size {}", "pair", SHOP, 5, 12: ["8", "9", "10", "11"];
            "GLA" "Safety glasses, {}", "pcs", SHOP, 3, 6: ["clear", "tinted"];
            "EAR" "Ear plugs, {}", "pack", SHOP, 3, 10: ["10 pairs", "200 pairs"];
            "MSK" "Dust mask {}, pack of 10", "pack", BACK, 4, 10: ["FFP2", "FFP3"];
            "AID" "First-aid kit, {}", "pcs", BACK, 1, 2: ["small", "large"];
            "VST" "High-visibility vest {}", "pcs", SHOP, 2, 0: ["M", "XL"];
        },
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_240_things_and_no_two_share_a_name_a_sku_or_a_barcode() {
        let things = things().unwrap();
        assert_eq!(things.len(), 240);
        let different = |text: fn(&Thing) -> &str| {
            things
                .iter()
                .map(|thing| text(thing).to_lowercase())
                .collect::<HashSet<_>>()
                .len()
        };
        assert_eq!(different(|thing| &thing.name), 240);
        assert_eq!(different(|thing| &thing.sku), 240);
        assert_eq!(different(|thing| &thing.barcode), 240);
    }

    #[test]
    fn check_digits_are_those_of_the_standard() {
        // The example of the GS1 General Specifications, and a well-known book's.
        assert_eq!(check_digit("629104150021"), 3);
        assert_eq!(check_digit("978030640615"), 7);
    }

    #[test]
    fn skus_read_like_their_sizes() {
        assert_eq!(compact("M4 × 16"), "M4X16");
        assert_eq!(compact("3 × 1.5 mm²"), "3X1.5MM2");
    }
}
