//! Scanning: each code finds its item, or counts it in or out.

mod sitting;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use ticker_app::ErrorKind;
use ticker_app::item::Item;
use ticker_app::scan::{ScanRow, ScanStock, ScanStockError, Scanned};
use ticker_app::stock::AdjustStockError;
use ticker_auth::Grant;
use ticker_domain::id::ItemId;
use ticker_domain::ledger::{DELTA_MAX, IdempotencyKey, LevelId};
use ticker_domain::permission::{ItemCreate, Permit as _, StockAdjust, StockView};
use ticker_domain::scan::{Carrier, Code};

use self::sitting::{Mode, Params, Sitting, Trace};
use self::view::{Candidate, Choose, Entry, EntryAnswer, ScanPage, Tone, Way};
use super::display::{change, number, read_number};
use super::fields::{Choice, Field, Problems};
use super::inventory::address::encode;
use super::layout::{Layout, Section};
use super::{KEY_LOST, adjust, left_toast, live_cursor, new_key, page, see_other};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::{Flash, LeftUndo};
use crate::form::Form;
use crate::query::Query;
use crate::request::Wants;
use crate::state::Web;

/// What the form sends. A choice between items sends `item` as well, scans that script has gathered
/// `count`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    key: String,
    code: String,
    mode: String,
    location: String,
    scans: String,
    item: String,
    count: String,
}

/// Shows the page, or goes to what a code in the address stands for.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    flash: Flash,
    Query(params): Query<Params>,
) -> PageResult {
    if !params.find.is_empty() {
        return find(&web, &by, &params.find).await;
    }
    let sitting = Sitting::read(&params.mode, &params.location, &params.scans)?;
    let cursor = live_cursor(&web, &by.user().grant::<StockView>()?).await;
    let layout = Layout::of(by.user(), Section::Scan)
        .with(left_toast(&flash))
        .live(cursor);
    let template = Sheet::of(layout, sitting).fill(&web, &by).await?;
    page(StatusCode::OK, &template)
}

/// Goes to the item that carries a code, or else to where it is searched for.
async fn find(web: &Web, by: &Grant<StockAdjust>, text: &str) -> PageResult {
    let view = by.user().grant::<StockView>()?;
    let found = match Code::parse(text) {
        Ok(code) => web.app.find_scanned(&view, &code).await?,
        Err(_) => Carrier::Nobody,
    };
    Ok(see_other(&match found {
        Carrier::One(item) => item_href(item.id),
        Carrier::Nobody | Carrier::Several(_) => search_href(text),
    }))
}

/// Takes a scan. Script is answered with the scan's entry; everybody else goes on with the page.
pub(crate) async fn scan(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    wants: Wants,
    Form(input): Form<Input>,
) -> PageResult {
    let sitting = Sitting::read(&input.mode, &input.location, &input.scans)?;
    let asked = match read(&input) {
        Ok(asked) => asked,
        Err(problem) => return refuse(&web, &by, wants, sitting, &input, problem).await,
    };
    let answer = if let Some(delta) = sitting.mode.delta(asked.count) {
        let answer = count(&web, &by, &sitting, &asked, delta).await?;
        match answer.trace {
            Some(Trace::Posted(_)) => answer,
            _ => counted_before(&web, &by, wants, &sitting, &asked, &answer)
                .await?
                .unwrap_or(answer),
        }
    } else {
        let view = by.user().grant::<StockView>()?;
        match web.app.find_scanned(&view, &asked.code).await? {
            Carrier::One(item) => return Ok(see_other(&item_href(item.id))),
            Carrier::Several(items) => Answer::links(&items, &asked.code),
            Carrier::Nobody => Answer::unknown(&asked.code, &by),
        }
    };
    if wants == Wants::Fragment {
        let entry = Entry {
            id: Some(format!("scan-{}", asked.key)),
            ..answer.entry
        };
        return page(answer.status, &EntryAnswer { entry });
    }
    if let Some(trace @ Trace::Posted(_)) = answer.trace {
        return Ok(see_other(&sitting.after(trace).href()));
    }
    let sitting = with_what_the_key_did(&web, &by, sitting, asked.key).await?;
    let mut sheet = Sheet::of(Layout::of(by.user(), Section::Scan), sitting);
    sheet.first = Some(answer.entry);
    sheet.sent = answer.trace;
    page(answer.status, &sheet.fill(&web, &by).await?)
}

/// A scan that makes sense.
struct Asked {
    key: IdempotencyKey,
    code: Code,
    chosen: Option<ItemId>,
    /// How often the code was scanned.
    count: i64,
}

/// What is wrong with a scan: about its code, or about the form as a whole.
enum Problem {
    Code(String),
    Form(&'static str),
}

fn read(input: &Input) -> Result<Asked, Problem> {
    let code = Code::parse(&input.code).map_err(|error| Problem::Code(error.to_string()))?;
    let key = input.key.parse().map_err(|_| Problem::Form(KEY_LOST))?;
    let chosen = match input.item.as_str() {
        "" => None,
        id => Some(
            id.parse()
                .map_err(|_| Problem::Form("There is no such item."))?,
        ),
    };
    let count = match input.count.as_str() {
        "" => 1,
        text => read_number(text)
            .ok()
            .filter(|count| (1..=DELTA_MAX).contains(count))
            .ok_or(Problem::Form("So many scans at once do not count."))?,
    };
    Ok(Asked {
        key,
        code,
        chosen,
        count,
    })
}

/// Says what is wrong with a scan, and keeps what was typed.
async fn refuse(
    web: &Web,
    by: &Grant<StockAdjust>,
    wants: Wants,
    sitting: Sitting,
    input: &Input,
    problem: Problem,
) -> PageResult {
    if wants == Wants::Fragment {
        let key: Option<IdempotencyKey> = input.key.parse().ok();
        let result = match problem {
            Problem::Code(error) => format!("The code {error}. Nothing was counted."),
            Problem::Form(message) => message.to_owned(),
        };
        let entry = Entry {
            id: key.map(|key| format!("scan-{key}")),
            tone: Tone::Refused,
            what: input.code.clone(),
            result,
            ..Entry::default()
        };
        return page(StatusCode::UNPROCESSABLE_ENTITY, &EntryAnswer { entry });
    }
    let mut sheet = Sheet::of(Layout::of(by.user(), Section::Scan), sitting);
    sheet.code = Field::new(&input.code);
    match problem {
        Problem::Code(error) => sheet
            .problems
            .refuse(&mut sheet.code, "code", "The code", error),
        Problem::Form(message) => sheet.problems.add(message),
    }
    page(
        StatusCode::UNPROCESSABLE_ENTITY,
        &sheet.fill(web, by).await?,
    )
}

/// A form that was sent twice, once for each of two codes, counted the first one: that is said as well.
async fn with_what_the_key_did(
    web: &Web,
    by: &Grant<StockAdjust>,
    sitting: Sitting,
    key: IdempotencyKey,
) -> Result<Sitting, HttpError> {
    let posted = web.app.posting_under_key(by, key).await?;
    Ok(match posted.map(Trace::Posted) {
        Some(trace) if !sitting.scans.contains(&trace) => sitting.after(trace),
        _ => sitting,
    })
}

/// What a scan is answered with.
struct Answer {
    status: StatusCode,
    entry: Entry,
    trace: Option<Trace>,
}

async fn count(
    web: &Web,
    by: &Grant<StockAdjust>,
    sitting: &Sitting,
    asked: &Asked,
    delta: i64,
) -> Result<Answer, HttpError> {
    let scan = ScanStock {
        key: asked.key,
        code: asked.code.clone(),
        chosen: asked.chosen,
        location: sitting.location,
        delta,
    };
    match web.app.scan_stock(by, scan).await {
        Ok(Scanned { adjusted, .. }) => {
            let rows = web.app.list_scans(by, &[adjusted.posting]).await?;
            let row = rows
                .first()
                .ok_or(HttpError::Defect("a scan is not in the ledger"))?;
            Ok(Answer::counted(row, sitting))
        }
        Err(ScanStockError::UnknownCode) => Ok(Answer::unknown(&asked.code, by)),
        Err(ScanStockError::Ambiguous(items)) => Ok(Answer::choice(&items, sitting, asked)),
        Err(ScanStockError::NotAdjusted {
            item,
            location,
            error,
        }) => {
            let words = match &error {
                AdjustStockError::KeyReused => NOT_THIS_ONE.to_owned(),
                _ => adjust::explain(web, by, item.id, location, &error).await?,
            };
            Ok(Answer::refused(&item, words, &error))
        }
        Err(ScanStockError::Quantity(error)) => Err(HttpError::Unprocessable(format!(
            "The number of scans {error}."
        ))),
        Err(ScanStockError::Failure(failure)) => Err(failure.into()),
    }
}

/// What this very scan did when it was sent before and nobody heard the answer, though what carries the
/// code, or where that is at home, has changed since.
///
/// Script makes a key for each scan. A page without script has one for whatever is scanned first: there a
/// change of the same item by as much, where it was asked for, is the same scan.
async fn counted_before(
    web: &Web,
    by: &Grant<StockAdjust>,
    wants: Wants,
    sitting: &Sitting,
    asked: &Asked,
    refused: &Answer,
) -> Result<Option<Answer>, HttpError> {
    let Some(posting) = web.app.posting_under_key(by, asked.key).await? else {
        return Ok(None);
    };
    let rows = web.app.list_scans(by, &[posting]).await?;
    let is_same = |row: &&ScanRow| {
        wants == Wants::Fragment
            || refused.trace == Some(Trace::Refused(row.item))
                && sitting.mode.delta(asked.count) == Some(row.delta)
                && sitting.location.is_none_or(|asked| asked == row.location)
    };
    let row = rows.first().filter(is_same);
    Ok(row.map(|row| Answer::counted(row, sitting)))
}

/// Told when a scan's key had been used by another one: the page was still on its way.
const NOT_THIS_ONE: &str =
    "Another scan was sent from the same page before. This one did not count: scan it again.";

impl Answer {
    fn counted(row: &ScanRow, sitting: &Sitting) -> Self {
        let trace = Trace::Posted(row.posting);
        Self {
            status: StatusCode::OK,
            entry: posted(row, &sitting.after(trace.clone())),
            trace: Some(trace),
        }
    }

    fn unknown(code: &Code, by: &Grant<StockAdjust>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            entry: unknown(code.as_str(), by),
            trace: Some(Trace::Unknown(code.as_str().to_owned())),
        }
    }

    fn refused(item: &Item, words: String, error: &AdjustStockError) -> Self {
        let status = match error.kind() {
            ErrorKind::Conflict => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let trace = Trace::Refused(item.id);
        let entry = Entry {
            result: words,
            ..refused(item.id, item.name.clone())
        };
        Self {
            status,
            entry,
            trace: Some(trace),
        }
    }

    /// The items that carry the code, each to go to.
    fn links(items: &[Item], code: &Code) -> Self {
        Self::asking(items, code, |item| Way::Link(item_href(item.id)))
    }

    /// The items that carry the code, each to count.
    fn choice(items: &[Item], sitting: &Sitting, asked: &Asked) -> Self {
        Self::asking(items, &asked.code, |item| {
            Way::Form(Box::new(Choose {
                key: new_key(),
                code: asked.code.as_str().to_owned(),
                mode: sitting.mode.as_str(),
                location: location_value(sitting),
                count: asked.count,
                item: item.id.0,
                scans: sitting.scans.write(),
            }))
        })
    }

    fn asking(items: &[Item], code: &Code, way: impl Fn(&Item) -> Way) -> Self {
        let label = |item: &Item| format!("{} ({})", item.name, item.sku);
        let options = items.iter().map(|item| Candidate {
            label: label(item),
            way: way(item),
        });
        let entry = Entry {
            tone: Tone::Asking,
            what: format!("{} items carry {}", items.len(), code.as_str()),
            result: "Which one is it?".to_owned(),
            options: options.collect(),
            ..Entry::default()
        };
        Self {
            status: StatusCode::CONFLICT,
            entry,
            trace: None,
        }
    }
}

/// A scan as the ledger has it.
fn posted(row: &ScanRow, sitting: &Sitting) -> Entry {
    let undo = LeftUndo {
        posting: row.posting,
        item: row.item,
        view_location: String::new(),
        return_to: sitting.href(),
    };
    let result = match (row.undone, row.redone) {
        (false, _) => format!("{} at {}", number(row.after), row.location_name),
        (true, false) => "Undone".to_owned(),
        (true, true) => "Undone, and done again".to_owned(),
    };
    Entry {
        tone: if row.undone && !row.redone {
            Tone::Undone
        } else {
            Tone::Done
        },
        scanned: Some(view::Scanned {
            level: LevelId {
                item: row.item,
                location: row.location,
            },
            after: row.after,
        }),
        undo: (!row.undone).then(|| undo.form()),
        trace: Trace::Posted(row.posting).write(),
        change: Some(change(row.delta)),
        what: row.item_name.clone(),
        href: Some(item_href(row.item)),
        result,
        ..Entry::default()
    }
}

fn unknown(code: &str, by: &Grant<StockAdjust>) -> Entry {
    let add_href = || {
        let mut href = String::from("/items/new?barcode=");
        encode(&mut href, code);
        href
    };
    Entry {
        tone: Tone::Refused,
        trace: Trace::Unknown(code.to_owned()).write(),
        what: format!("Nothing carries {code}"),
        result: "Not counted.".to_owned(),
        search_href: Some(search_href(code)),
        add_href: by.user().role.may(ItemCreate::PERMISSION).then(add_href),
        ..Entry::default()
    }
}

fn refused(item: ItemId, name: String) -> Entry {
    Entry {
        tone: Tone::Refused,
        trace: Trace::Refused(item).write(),
        what: name,
        href: Some(item_href(item)),
        result: "Not counted.".to_owned(),
        ..Entry::default()
    }
}

fn item_href(item: ItemId) -> String {
    format!("/items/{item}")
}

fn search_href(text: &str) -> String {
    let mut href = String::from("/?q=");
    encode(&mut href, text);
    href
}

fn location_value(sitting: &Sitting) -> String {
    sitting
        .location
        .map(|location| location.to_string())
        .unwrap_or_default()
}

/// The page before what it shows has been looked up.
struct Sheet {
    layout: Layout,
    sitting: Sitting,
    problems: Problems,
    code: Field,
    /// The answer to what was sent just now, and what will remain of it.
    first: Option<Entry>,
    sent: Option<Trace>,
}

impl Sheet {
    fn of(layout: Layout, sitting: Sitting) -> Self {
        Self {
            layout,
            sitting,
            problems: Problems::default(),
            code: Field::default(),
            first: None,
            sent: None,
        }
    }

    async fn fill(self, web: &Web, by: &Grant<StockAdjust>) -> Result<ScanPage, HttpError> {
        let view = by.user().grant::<StockView>()?;
        let Self {
            layout,
            sitting,
            problems,
            code,
            first,
            sent,
        } = self;
        let earlier = entries(web, by, &view, &sitting).await?;
        let mut entries: Vec<_> = first.into_iter().chain(earlier).collect();
        if let Some(newest) = entries.first_mut() {
            newest.id = Some("latest-scan".to_owned());
        }
        let clear_href = Sitting {
            scans: sitting::Scans::default(),
            ..sitting.clone()
        }
        .href();
        let sitting = match sent {
            Some(trace) => sitting.after(trace),
            None => sitting,
        };
        let places = web.app.item_choices(&view).await?.locations;
        let home = Choice::new("", "Each item's home location");
        let locations = if places.len() > 1 {
            let places = places.iter().map(|one| Choice::new(one.id, &one.name));
            std::iter::once(home).chain(places).collect()
        } else {
            Vec::new()
        };
        Ok(ScanPage {
            layout,
            problems,
            key: new_key(),
            mode: sitting.mode.as_str(),
            modes: Mode::ALL
                .map(|mode| Choice::new(mode.as_str(), mode.label()))
                .into(),
            code,
            location: location_value(&sitting),
            locations,
            scans: sitting.scans.write(),
            clear_href,
            entries,
        })
    }
}

/// What became of the scans of a sitting, the newest first.
async fn entries(
    web: &Web,
    by: &Grant<StockAdjust>,
    view: &Grant<StockView>,
    sitting: &Sitting,
) -> Result<Vec<Entry>, HttpError> {
    let (mut postings, mut refusals) = (Vec::new(), Vec::new());
    for trace in sitting.scans.iter() {
        match trace {
            Trace::Posted(posting) => postings.push(*posting),
            Trace::Refused(item) => refusals.push(*item),
            Trace::Unknown(_) => {}
        }
    }
    let rows = web.app.list_scans(by, &postings).await?;
    let items = web.app.stock_rows(view, &refusals).await?;
    let mut entries = Vec::new();
    for trace in sitting.scans.iter() {
        match trace {
            Trace::Posted(posting) => {
                let row = rows.iter().find(|row| row.posting == *posting);
                entries.extend(row.map(|row| posted(row, sitting)));
            }
            Trace::Unknown(code) => entries.push(unknown(code, by)),
            Trace::Refused(item) => {
                let found = items.iter().find(|found| found.item == *item);
                entries.extend(found.map(|found| refused(*item, found.name.clone())));
            }
        }
    }
    Ok(entries)
}
