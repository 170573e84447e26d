//! What a person does on a page and sees there. Everything waits until it can be done or is seen.

use serde_json::{Value, json};
use thirtyfour::error::WebDriverError;
use thirtyfour::{By, Key, WebElement};

use super::await_condition::eventually;
use super::browser::Browser;

/// Something is not, or not yet, as expected. The text is shown when it never becomes so.
#[derive(Debug)]
struct NotSo(#[expect(dead_code, reason = "read when it is shown")] String);

impl From<WebDriverError> for NotSo {
    fn from(error: WebDriverError) -> Self {
        Self(error.to_string())
    }
}

/// Reading.
impl Browser {
    /// The visible text of each element that a selector finds.
    pub(crate) async fn texts(&self, selector: &str) -> Vec<String> {
        let script =
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())";
        let found = self.run_with(script, json!(selector)).await;
        serde_json::from_value(found).expect("a list of texts")
    }

    /// An attribute of each element that a selector finds; empty where one does not have it.
    pub(crate) async fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute('{name}') ?? '')"
        );
        let found = self.run_with(&script, json!(selector)).await;
        serde_json::from_value(found).expect("a list of texts")
    }

    /// Path and query of the page's address, without a fragment.
    pub(crate) async fn path(&self) -> String {
        let url = self.driver.current_url().await.expect("an address");
        let path = url.as_str().strip_prefix(&self.origin);
        let path = path.unwrap_or(url.as_str());
        path.split('#').next().unwrap_or_default().to_owned()
    }

    /// What is in the field with this label.
    pub(crate) async fn value(&self, label: &str) -> String {
        eventually(format!("the field {label:?}"), async || {
            self.field(label).await?.value().await.map_err(NotSo::from)
        })
        .await
        .unwrap_or_default()
    }

    /// Asks the page with a script of the test's own; that works with the page's scripts off, too.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.run_with(script, Value::Null).await
    }

    async fn run_with(&self, script: &str, argument: Value) -> Value {
        eventually(format!("an answer to {script}"), async || {
            let answered = self.driver.execute(script, vec![argument.clone()]).await;
            answered.map(|answer| answer.json().clone())
        })
        .await
    }

    /// What has the focus: the id of the element, else its name, else its tag.
    pub(crate) async fn focused(&self) -> String {
        let script =
            "const e = document.activeElement; return e.id || e.getAttribute('name') || e.tagName";
        self.run(script)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Expecting.
impl Browser {
    /// Waits until a script's answer is as expected.
    #[track_caller]
    pub(crate) fn expect_answer(
        &self,
        script: impl Into<String>,
        expected: impl Into<Value>,
    ) -> impl Future<Output = ()> {
        let (script, expected) = (script.into(), expected.into());
        let what = format!("{expected} as the answer to {script}");
        eventually(what, async move || {
            let answer = self.run(&script).await;
            so(answer == expected, || answer.to_string())
        })
    }

    /// Waits until the texts of a selector's elements are these.
    #[track_caller]
    pub(crate) fn expect_texts(
        &self,
        selector: &str,
        expected: &[&str],
    ) -> impl Future<Output = ()> {
        eventually(format!("{selector} to say {expected:?}"), async move || {
            let texts = self.texts(selector).await;
            so(texts == expected, || format!("{texts:?}"))
        })
    }

    /// Waits until a selector finds so many elements.
    #[track_caller]
    pub(crate) fn expect_count(&self, selector: &str, expected: usize) -> impl Future<Output = ()> {
        eventually(format!("{expected} of {selector}"), async move || {
            let count = self.texts(selector).await.len();
            so(count == expected, || count.to_string())
        })
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str) -> impl Future<Output = ()> {
        eventually(format!("{text:?} on the page"), async move || {
            let page = self.texts("body").await.concat();
            so(page.contains(text), || page)
        })
    }

    /// Waits until the page does not show a text any more.
    #[track_caller]
    pub(crate) fn expect_gone(&self, text: &str) -> impl Future<Output = ()> {
        eventually(format!("{text:?} to leave the page"), async move || {
            let page = self.texts("body").await.concat();
            so(!page.contains(text), || page)
        })
    }

    /// Waits until the page's address is this.
    #[track_caller]
    pub(crate) fn expect_path(&self, expected: &str) -> impl Future<Output = ()> {
        eventually(format!("the page {expected}"), async move || {
            let path = self.path().await;
            so(path == expected, || path)
        })
    }

    /// Waits until something has the focus, by its id.
    #[track_caller]
    pub(crate) fn expect_focus(&self, expected: &str) -> impl Future<Output = ()> {
        eventually(format!("the focus on {expected}"), async move || {
            let focused = self.focused().await;
            so(focused == expected, || focused)
        })
    }
}

/// Doing.
impl Browser {
    /// Opens a page of the site.
    pub(crate) async fn go(&self, path: &str) {
        let address = format!("{}{path}", self.origin);
        self.driver
            .goto(&address)
            .await
            .unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Opens a page of another site.
    pub(crate) async fn go_elsewhere(&self, address: &str) {
        self.driver
            .goto(address)
            .await
            .unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    pub(crate) async fn go_back(&self) {
        self.driver.back().await.expect("a page to go back to");
    }

    pub(crate) async fn reload(&self) {
        self.driver.refresh().await.expect("a page to load again");
    }

    /// Clicks the first visible element that a selector finds.
    #[track_caller]
    pub(crate) fn click(&self, selector: &str) -> impl Future<Output = ()> {
        eventually(format!("a click on {selector}"), async move || {
            let found = self.driver.find_all(By::Css(selector)).await?;
            self.click_first(found).await
        })
    }

    /// Clicks twice, as fast as a mouse does.
    #[track_caller]
    pub(crate) fn double_click(&self, selector: &str) -> impl Future<Output = ()> {
        eventually(format!("a double click on {selector}"), async move || {
            let found = self.driver.find_all(By::Css(selector)).await?;
            let element = first_visible(found).await?;
            self.scroll_to(&element).await?;
            let chain = self.driver.action_chain_with_delay(None, None);
            Ok::<_, NotSo>(chain.click_element(&element).click().perform().await?)
        })
    }

    /// Clicks the visible button or link with this text or accessible name.
    #[track_caller]
    pub(crate) fn press(&self, name: &str) -> impl Future<Output = ()> {
        let name = quote(name);
        let path = format!(
            "//*[self::button or self::a or self::summary][normalize-space()={name} or @aria-label={name}]"
        );
        eventually(format!("a click on {name}"), async move || {
            let found = self.driver.find_all(By::XPath(path.as_str())).await?;
            self.click_first(found).await
        })
    }

    /// Types a text into the field with this label, instead of what is there.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) -> impl Future<Output = ()> {
        eventually(format!("the field {label:?}"), async move || {
            let field = self.field(label).await?;
            field.clear().await?;
            Ok::<_, NotSo>(field.send_keys(text).await?)
        })
    }

    /// Chooses an option of the list with this label.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str, option: &str) -> impl Future<Output = ()> {
        let path = format!("./option[normalize-space()={}]", quote(option));
        eventually(format!("{option:?} of {label:?}"), async move || {
            let option = self
                .field(label)
                .await?
                .find(By::XPath(path.as_str()))
                .await?;
            Ok::<_, NotSo>(option.click().await?)
        })
    }

    /// Picks the radio button or box whose label shows this text.
    #[track_caller]
    pub(crate) fn pick(&self, text: &str) -> impl Future<Output = ()> {
        let text = quote(text);
        let path = format!("//label[.//input][.//*[normalize-space()={text}]]");
        eventually(format!("the choice {text}"), async move || {
            let found = self.driver.find_all(By::XPath(path.as_str())).await?;
            self.click_first(found).await
        })
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn type_keys(&self, keys: impl AsRef<str>) {
        let chain = self.driver.action_chain_with_delay(None, None);
        chain
            .send_keys(keys.as_ref())
            .perform()
            .await
            .expect("keys reach the page");
    }

    /// Presses a key while Shift is held down.
    pub(crate) async fn type_shifted(&self, key: Key) {
        let chain = self.driver.action_chain_with_delay(None, None);
        let chain = chain
            .key_down(Key::Shift.value())
            .key_down(key.value())
            .key_up(key.value());
        chain
            .key_up(Key::Shift.value())
            .perform()
            .await
            .expect("keys reach the page");
    }

    /// Signs in by the page that asks for it.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) {
        self.go("/login").await;
        self.fill("Username", username).await;
        self.fill("Password", password).await;
        self.press("Sign in").await;
        eventually("the page behind the sign-in", async || {
            let path = self.path().await;
            so(!path.starts_with("/login"), || path)
        })
        .await;
    }

    async fn click_first(&self, elements: Vec<WebElement>) -> Result<(), NotSo> {
        let element = first_visible(elements).await?;
        self.scroll_to(&element).await?;
        Ok(element.click().await?)
    }

    /// Brings an element into view at once: where scrolling is smooth, a click would else come before it.
    async fn scroll_to(&self, element: &WebElement) -> Result<(), NotSo> {
        let script = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.driver
            .execute(script, vec![element.to_json()?])
            .await?;
        Ok(())
    }

    async fn field(&self, label: &str) -> Result<WebElement, NotSo> {
        let path = format!("//label[normalize-space()={}]", quote(label));
        let labels = self.driver.find_all(By::XPath(path.as_str())).await?;
        let label = labels
            .into_iter()
            .next()
            .ok_or(NotSo(format!("no label {label:?}")))?;
        let id = label
            .attr("for")
            .await?
            .ok_or(NotSo("a label without a field".to_owned()))?;
        Ok(self.driver.find(By::Id(id.as_str())).await?)
    }
}

fn so(is_so: bool, else_what: impl FnOnce() -> String) -> Result<(), NotSo> {
    if is_so {
        Ok(())
    } else {
        Err(NotSo(else_what()))
    }
}

async fn first_visible(elements: Vec<WebElement>) -> Result<WebElement, NotSo> {
    for element in elements {
        if element.is_displayed().await? {
            return Ok(element);
        }
    }
    Err(NotSo("nothing visible like that".to_owned()))
}

/// A text as `XPath` writes it, which has no escapes.
fn quote(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(", \"'\", "))
}
