//! Between a page's scripts and the network: a story decides what becomes of what they load, and hears what
//! the stream tells them.

use super::browser::Browser;

/// Takes the place of `fetch`. Forms and links, and what htmx loads, go past it.
const WIRE: &str = "if (window.wire) return; \
     const real = window.fetch; \
     const wire = window.wire = { isCut: false, isHeld: false, held: [], heard: '', taken: 0, waits: [] }; \
     const listen = async (body) => { \
         const reader = body.pipeThrough(new TextDecoderStream()).getReader(); \
         for (;;) { const { done, value } = await reader.read(); if (done) return; wire.heard += value; } }; \
     window.fetch = async (address, options) => { \
         if (String(address).startsWith('/live')) { \
             if (wire.opening) return new Response(wire.opening, { headers: { 'content-type': 'text/event-stream' } }); \
             const { body, status, headers } = await real(address, options); \
             const [page, tap] = body.tee(); \
             listen(tap).catch(() => {}); \
             return new Response(page, { status, headers }); \
         } \
         if (wire.isCut) return new Response('', { status: 503 }); \
         const { status, headers, text } = await real(address, options).then( \
             async (answer) => ({ status: answer.status, headers: answer.headers, text: await answer.text() })); \
         if (wire.isHeld) await new Promise((go) => wire.held.push(go)); \
         const answer = new Response(text, { status, headers }); \
         answer.text = async () => { setTimeout(() => (wire.taken += 1)); return text; }; \
         return answer; \
     }; \
     const wait = window.setTimeout; \
     window.setTimeout = (act, ms, ...rest) => { wire.waits.push(ms ?? 0); return wait(act, ms, ...rest); };";

impl Browser {
    /// Puts the page's scripts on a wire of the story's, until the page is left. The stream begins anew.
    pub(crate) async fn put_on_wire(&self) {
        self.run(WIRE).await;
        self.run("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))")
            .await;
        self.expect_answer("return wire.heard.includes(': live')", true)
            .await;
    }

    /// From now on nothing that scripts load can be had, though the stream goes on.
    pub(crate) async fn cut_wire(&self) {
        self.run("wire.isCut = true").await;
    }

    pub(crate) async fn mend_wire(&self) {
        self.run("wire.isCut = false").await;
    }

    /// From now on answers to scripts are on their way until they are let through.
    pub(crate) async fn hold_answers(&self) {
        self.run("wire.isHeld = true").await;
    }

    /// Waits until an answer is on its way.
    pub(crate) async fn expect_held(&self) {
        self.expect_answer("return wire.held.length", 1).await;
    }

    /// Lets the answer through that is on its way, and waits until the page has taken it in.
    pub(crate) async fn let_through(&self) {
        self.run("wire.isHeld = false; wire.held.splice(0).forEach((go) => go())")
            .await;
        self.expect_answer("return wire.taken > 0", true).await;
    }

    /// Waits until the stream has told something.
    pub(crate) async fn expect_heard(&self, text: &str) {
        let heard = format!("return wire.heard.includes({})", serde_json::json!(text));
        self.expect_answer(heard, true).await;
    }

    /// Ends each stream behind these words from now on.
    pub(crate) async fn end_streams_behind(&self, opening: &str) {
        let opening = serde_json::json!(opening);
        self.run(&format!(
            "wire.opening = {opening}; wire.waits.length = 0; \
             dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))"
        ))
        .await;
    }

    /// Waits until the page has begun to wait for so many milliseconds.
    pub(crate) async fn expect_wait(&self, ms: std::ops::Range<u32>) {
        let waits = format!(
            "return wire.waits.some((ms) => ms >= {} && ms < {})",
            ms.start, ms.end
        );
        self.expect_answer(waits, true).await;
    }
}
