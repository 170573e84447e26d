//! Every page, in light and dark, on a desk and on a telephone, held against WCAG 2.2 AA.

use crate::harness::{Browser, Script, Stage, Theme, story};
use crate::pages::{demo_shop, tour, tour_empty};

#[tokio::test]
async fn accessibility_on_a_desk() {
    story("accessibility-on-a-desk", Script::On, async |stage| {
        nothing_is_in_the_way(stage, (1440, 900)).await;
    })
    .await;
}

#[tokio::test]
async fn accessibility_on_a_telephone() {
    story("accessibility-on-a-telephone", Script::On, async |stage| {
        nothing_is_in_the_way(stage, (360, 740)).await;
    })
    .await;
}

async fn nothing_is_in_the_way(stage: &Stage, (width, height): (u32, u32)) {
    let page = &stage.browser;
    let mut visit = async |name: &str| {
        page.resize(width, height).await;
        for theme in Theme::BOTH {
            page.prefer(theme).await;
            assert_eq!(
                page.barriers().await,
                Vec::<String>::new(),
                "{name} at {width} px, {}",
                theme.as_str()
            );
        }
        // What the tour presses is not everywhere in sight on a telephone.
        page.resize(1440, 900).await;
    };
    a_barrier_would_be_noticed(page).await;
    tour_empty(stage, &mut visit).await;
    let sights = demo_shop(stage).await;
    tour(stage, &sights, visit).await;
}

/// The control: an audit of a page with these faults names them.
async fn a_barrier_would_be_noticed(page: &Browser) {
    page.go("/login").await;
    assert_eq!(page.barriers().await, Vec::<String>::new());
    let plant = "const main = document.querySelector('main'); \
         main.append(document.createElement('img'), document.createElement('button')); \
         const faint = document.createElement('p'); faint.textContent = 'faint'; \
         faint.style.color = '#bbb'; faint.style.background = '#fff'; main.append(faint)";
    page.run(plant).await;
    let barriers = page.barriers().await;
    for rule in ["image-alt", "button-name", "color-contrast"] {
        assert!(
            barriers.iter().any(|barrier| barrier.starts_with(rule)),
            "{rule}: {barriers:?}"
        );
    }
}
