//! A headless Chromium with a profile of its own.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use thirtyfour::{Capabilities, Cookie, WebDriver, WindowHandle};

use super::chromedriver::{Chromedriver, from_environment};
use super::server::scratch_folder;

/// Whether pages may run scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    On,
    Off,
}

impl Script {
    pub(crate) fn is_on(self) -> bool {
        self == Self::On
    }
}

/// What the system prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(crate) const BOTH: [Self; 2] = [Self::Light, Self::Dark];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A browser with one tab. [`Browser::close`] ends it.
pub(crate) struct Browser {
    pub(super) driver: WebDriver,
    pub(super) origin: String,
    pub(crate) script: Script,
    profile: PathBuf,
    _chromedriver: Chromedriver,
}

/// Of the switches, those that matter: `--no-sandbox` because root, as in containers, cannot have one.
const SWITCHES: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

impl Browser {
    /// Opens a browser for the site at `origin`, and makes sure that it runs scripts or does not.
    pub(crate) async fn open(origin: &str, script: Script) -> Self {
        let chromedriver = Chromedriver::start();
        let profile = scratch_folder("profile");
        let capabilities = capabilities(&profile, script);
        let driver = WebDriver::new(chromedriver.url.as_str(), capabilities).await;
        let driver = driver.expect("Chromium starts");
        let browser = Self {
            driver,
            origin: origin.to_owned(),
            script,
            profile,
            _chromedriver: chromedriver,
        };
        browser.check_script().await;
        browser.resize(1440, 900).await;
        browser
    }

    /// A page that says whether its script ran: with scripts off, stories would else prove nothing.
    async fn check_script(&self) {
        let page = "data:text/html,<p>off</p><script>document.querySelector('p').textContent='on'</script>";
        self.driver
            .goto(page)
            .await
            .expect("a page without a server");
        let expected = if self.script.is_on() { "on" } else { "off" };
        assert_eq!(self.texts("p").await, [expected], "scripts");
    }

    /// Sets the size of what the page sees, in CSS pixels; a window cannot be as narrow as a telephone.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Sets what the system prefers.
    pub(crate) async fn prefer(&self, theme: Theme) {
        let feature = json!({ "name": "prefers-color-scheme", "value": theme.as_str() });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        )
        .await;
    }

    /// Prefers that nothing moves.
    pub(crate) async fn prefer_still(&self) {
        let feature = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        )
        .await;
    }

    /// Pulls the plug of the network, or puts it back.
    pub(crate) async fn set_offline(&self, is_offline: bool) {
        self.devtools("Network.enable", json!({})).await;
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// From the next page on, its scripts' waits of half a minute and more are over twenty times as soon.
    pub(crate) async fn hurry_long_waits(&self) {
        let source = "const wait = window.setTimeout; \
             window.setTimeout = (act, ms, ...rest) => wait(act, ms >= 30000 ? ms / 20 : ms, ...rest)";
        let script = json!({ "source": source });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    /// Opens another tab in front of this one, on a page that shows nothing.
    pub(crate) async fn open_tab_in_front(&self) -> WindowHandle {
        let behind = self.driver.window().await.expect("a tab");
        let tab = self.driver.new_tab().await.expect("another tab");
        self.driver.switch_to_window(tab).await.expect("to it");
        self.go("/healthz").await;
        behind
    }

    /// Closes the tab in front, and sees the one behind it.
    pub(crate) async fn close_tab_in_front_of(&self, behind: WindowHandle) {
        self.driver.close_window().await.expect("a tab to close");
        self.driver
            .switch_to_window(behind)
            .await
            .expect("the other one");
        self.devtools("Page.bringToFront", json!({})).await;
    }

    /// Shows no scrollbars, as on a telephone.
    pub(crate) async fn hide_scrollbars(&self) {
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true }))
            .await;
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let done = self.driver.cdp().send_raw(method, parameters).await;
        done.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Names and values of its cookies.
    pub(crate) async fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.driver.get_all_cookies().await.expect("the cookies");
        cookies
            .into_iter()
            .map(|cookie| (cookie.name, cookie.value))
            .collect()
    }

    /// Takes over somebody's cookies, as if they had signed in with it in another tab.
    pub(crate) async fn take_cookies(&self, cookies: &[(String, String)]) {
        for (name, value) in cookies {
            let cookie = Cookie::new(name, value);
            self.driver.add_cookie(cookie).await.expect("a cookie");
        }
    }

    /// As if it had never been here: nobody is signed in.
    pub(crate) async fn forget_cookies(&self) {
        self.driver.delete_all_cookies().await.expect("no cookies");
    }

    /// As if nothing had ever been loaded.
    pub(crate) async fn forget_files(&self) {
        self.devtools("Network.clearBrowserCache", json!({})).await;
    }

    /// What stands in the console since the last call that no page of ours should cause: errors of
    /// scripts, violations of the content security policy, assets that are not there. An answer of 4xx
    /// or 5xx to a page's own request, which htmx mentions as well, is not among them.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.expect("the console");
        entries
            .into_iter()
            .filter(|entry| {
                let source = entry.source.as_deref().unwrap_or_default();
                let is_answer = (source == "network" && !entry.message.contains("/assets/"))
                    || entry.message.contains("Response Status Error Code");
                (entry.level == "SEVERE" && !is_answer) || source == "security"
            })
            .map(|entry| format!("{}: {}", entry.source.unwrap_or_default(), entry.message))
            .collect()
    }

    /// A picture of what is seen, as PNG.
    pub(crate) async fn picture(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.unwrap_or_default()
    }

    /// A picture of what is seen, as WebP, a fifth of the size.
    pub(crate) async fn small_picture(&self) -> Vec<u8> {
        let form = json!({ "format": "webp", "quality": 80 });
        let taken = self.devtools("Page.captureScreenshot", form).await;
        let data = taken["data"].as_str().unwrap_or_default();
        BASE64_STANDARD.decode(data).expect("a picture in Base64")
    }

    /// A picture and the source of the page as it is now; empty where there is none.
    pub(crate) async fn evidence(&self) -> (Vec<u8>, String) {
        let place = self.driver.current_url().await.map(|url| url.to_string());
        let source = self.driver.source().await.unwrap_or_default();
        (
            self.picture().await,
            format!("<!-- {} -->\n{source}", place.unwrap_or_default()),
        )
    }

    /// Ends the browser.
    pub(crate) async fn close(&self) {
        let _ = self.driver.clone().quit().await;
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn capabilities(profile: &std::path::Path, script: Script) -> Capabilities {
    let mut arguments: Vec<String> = SWITCHES.map(str::to_owned).into();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    let options = json!({
        "binary": from_environment("TICKER_TEST_CHROMIUM"),
        "args": arguments,
        // As the site settings' "Don't allow sites to use JavaScript".
        "prefs": { "profile.managed_default_content_settings.javascript": if script.is_on() { 1 } else { 2 } },
    });
    let mut capabilities = Capabilities::new();
    for (name, value) in [
        ("browserName", json!("chrome")),
        ("goog:chromeOptions", options),
        ("goog:loggingPrefs", json!({ "browser": "ALL" })),
        // A story answers dialogs itself; one that it does not expect is a failure.
        ("unhandledPromptBehavior", json!("ignore")),
    ] {
        capabilities.set(name, value).expect("a JSON value");
    }
    capabilities
}
