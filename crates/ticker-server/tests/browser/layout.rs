//! How pages lie on screens of three widths.
//!
//! With `TICKER_SHOTS_DIR=folder` the story also leaves a picture of every page there, by width and theme.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Browser, Script, Theme, story};
use crate::pages::{demo_shop, tour, tour_empty};

/// A desk, a tablet, a telephone.
pub(crate) const SIZES: [(u32, u32); 3] = [(1440, 900), (768, 1024), (360, 740)];
/// Where to put a picture of every page, if anywhere.
const PICTURES: &str = "TICKER_SHOTS_DIR";

#[tokio::test]
async fn layout() {
    story("layout", Script::On, async |stage| {
        let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
        let mut visit = async |name: &str| {
            for (width, height) in SIZES {
                stage.browser.resize(width, height).await;
                nothing_sticks_out(&stage.browser, name, width).await;
                nothing_scrolls_inside(&stage.browser, name, width).await;
                targets_are_large(&stage.browser, name, width).await;
                if let Some(folder) = &pictures {
                    take_pictures(&stage.browser, folder, &format!("{name}-{width}")).await;
                }
            }
            stage.browser.resize(1440, 900).await;
        };
        tour_empty(stage, &mut visit).await;
        let sights = demo_shop(stage).await;
        tour(stage, &sights, visit).await;
        the_current_chip_is_in_sight(&stage.browser).await;
    })
    .await;
}

/// On a telephone the row of chips is wider than the screen; what the list is filtered for is in sight.
async fn the_current_chip_is_in_sight(page: &Browser) {
    let chip = "const chip = document.querySelector('.results-head .chip[aria-current]').getBoundingClientRect(); \
         return chip.left >= 0 && chip.right <= innerWidth";
    page.resize(360, 740).await;
    for path in ["/", "/?status=ok", "/?archived=1"] {
        page.go(path).await;
        page.expect_answer(chip, true).await;
    }
}

/// Nothing makes the page scroll sideways.
pub(crate) async fn nothing_sticks_out(page: &Browser, name: &str, width: u32) {
    let script = "const wide = document.scrollingElement.scrollWidth; \
         if (wide <= innerWidth) return []; \
         const out = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > innerWidth + 1); \
         return [wide, ...out.slice(0, 5).map(e => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().right)}`)]";
    assert_eq!(
        page.run(script).await,
        json!([]),
        "{name} at {width} px scrolls sideways"
    );
    assert_eq!(page.run("return innerWidth").await, width, "{name}");
}

/// No part of a page has a scrollbar of its own that a page of this size does not need.
async fn nothing_scrolls_inside(page: &Browser, name: &str, width: u32) {
    let script = "return [...document.querySelectorAll('main, main *')].filter(e => \
         e.scrollHeight > e.clientHeight && e.clientHeight > 1 && /auto|scroll/.test(getComputedStyle(e).overflowY)) \
         .map(e => `${e.tagName}.${e.className} ${e.scrollHeight} in ${e.clientHeight}`)";
    assert_eq!(
        page.run(script).await,
        json!([]),
        "{name} at {width} px scrolls inside"
    );
}

/// What is pressed is 44 px high; − and + and the number between them are 44 px wide as well.
async fn targets_are_large(page: &Browser, name: &str, width: u32) {
    let script = "const small = []; \
         for (const e of document.querySelectorAll('button, .btn, summary, .chip, select, .stepper a, input[type=text], input[type=search], input[type=password]')) { \
           const { width, height } = e.getBoundingClientRect(); \
           if (!e.checkVisibility() || width <= 1 || e.closest('.visually-hidden')) continue; \
           if (height < 43.5 || (e.closest('.stepper') && width < 43.5)) \
             small.push(`${e.tagName}.${e.className} ${e.innerText.trim()} ${Math.round(width)}x${Math.round(height)}`); } \
         return small.slice(0, 8)";
    assert_eq!(
        page.run(script).await,
        json!([]),
        "{name} at {width} px has small targets"
    );
}

async fn take_pictures(page: &Browser, folder: &Path, name: &str) {
    std::fs::create_dir_all(folder).expect("a writable folder for pictures");
    for theme in Theme::BOTH {
        page.prefer(theme).await;
        let moving =
            "return document.getAnimations().filter(a => a.playState === 'running').length";
        page.expect_answer(moving, 0).await;
        let file = folder.join(format!("{name}-{}.png", theme.as_str()));
        std::fs::write(file, page.picture().await).expect("a writable folder for pictures");
    }
}
