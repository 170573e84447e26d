//! Locations and categories: adding, renaming, archiving and restoring them. Both kinds have the same
//! pages, `/locations…` and `/categories…`.

pub(crate) mod merge;
pub(crate) mod view;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use ticker_app::group::{COUNTED_MAX, Group, GroupRow, GroupUsage, GroupView, ManageGroupError};
use ticker_auth::Grant;
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::permission::{GroupManage, StockView};

use self::view::{Fact, GroupPage, GroupsPage, Listed, Twin, Way};
use super::display::{moment, number};
use super::fields::{Choice, Field, Problems};
use super::layout::{Layout, Section};
use super::{left_toast, page, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::path::{self, Id};
use crate::query::Query;
use crate::state::Web;

/// The kind of group that an address is about, by its first word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of(pub(crate) GroupKind);

impl<S: Sync> FromRequestParts<S> for Of {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        let word = parts.uri.path().split('/').nth(1);
        let mut kinds = GroupKind::ALL.into_iter();
        let kind = kinds.find(|kind| Some(kind.plural()) == word);
        kind.map(Self).ok_or(HttpError::NotFound)
    }
}

/// Which part of the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    archived: String,
    after: String,
}

/// A name as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    name: String,
}

/// Lists the groups of a kind.
pub(crate) async fn list(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Query(params): Query<Params>,
) -> PageResult {
    let template = list_page(&web, &by, kind, &params).await?;
    let template = GroupsPage {
        layout: template.layout.with(left_toast(&flash)),
        ..template
    };
    page(StatusCode::OK, &template)
}

/// Adds a group, or says which one has its name.
pub(crate) async fn add(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Form(input): Form<Input>,
) -> PageResult {
    let mut template = list_page(&web, &by, kind, &Params::default()).await?;
    template.name = Field::new(&input.name);
    let GroupsPage { name, problems, .. } = &mut template;
    let Some(parsed) = read_name(&input, name, problems) else {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    match web.app.add_group(&by, kind, parsed).await {
        Ok(_) => {
            let done = format!("Added {}", input.name.trim());
            Ok(see_other_with(&address(kind), &flash, &done))
        }
        Err(ManageGroupError::NameTaken(other)) => {
            taken(kind, name, problems);
            template.twin = Some(twin(&other, None));
            page(StatusCode::CONFLICT, &template)
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows a group with what can be done to it.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Id(number): Id<i64>,
) -> PageResult {
    let view = find(&web, &by, GroupId::new(kind, number)).await?;
    let template = group_page(&web, &by, &view).await?;
    let template = GroupPage {
        layout: template.layout.with(left_toast(&flash)),
        ..template
    };
    page(StatusCode::OK, &template)
}

/// Gives a group another name, or says which one has it.
pub(crate) async fn rename(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Id(number): Id<i64>,
    Form(input): Form<Input>,
) -> PageResult {
    let id = GroupId::new(kind, number);
    let view = find(&web, &by, id).await?;
    let mut template = group_page(&web, &by, &view).await?;
    template.name = Field::new(&input.name);
    let GroupPage { name, problems, .. } = &mut template;
    let Some(parsed) = read_name(&input, name, problems) else {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    };
    match web.app.rename_group(&by, id, parsed).await {
        Ok(()) => {
            let done = format!("Renamed to {}", input.name.trim());
            Ok(see_other_with(&group_address(id), &flash, &done))
        }
        Err(ManageGroupError::NameTaken(other)) => {
            taken(kind, name, problems);
            template.twin = Some(twin(&other, Some(&view.row.group)));
            page(StatusCode::CONFLICT, &template)
        }
        Err(error) => Err(error.into()),
    }
}

/// Archives an empty group, or says what is in it.
pub(crate) async fn archive(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Id(number): Id<i64>,
) -> PageResult {
    let id = GroupId::new(kind, number);
    let view = find(&web, &by, id).await?;
    let name = &view.row.group.name;
    let refused = match web.app.archive_group(&by, id).await {
        Ok(()) => {
            let done = format!("Archived {name}");
            return Ok(see_other_with(&group_address(id), &flash, &done));
        }
        Err(ManageGroupError::InUse(usage)) => in_use(name, kind, &usage),
        Err(ManageGroupError::Merging) => {
            format!("A merge with {name} has not ended yet. {name} stays in use.")
        }
        Err(error) => return Err(error.into()),
    };
    let mut template = group_page(&web, &by, &find(&web, &by, id).await?).await?;
    template.problems.add(refused);
    page(StatusCode::CONFLICT, &template)
}

/// Puts an archived group back into use.
pub(crate) async fn restore(
    State(web): State<Web>,
    May(by): May<GroupManage>,
    flash: Flash,
    Of(kind): Of,
    Id(number): Id<i64>,
) -> PageResult {
    let id = GroupId::new(kind, number);
    let view = find(&web, &by, id).await?;
    web.app.restore_group(&by, id).await?;
    let done = format!("Restored {}", view.row.group.name);
    Ok(see_other_with(&group_address(id), &flash, &done))
}

async fn find(web: &Web, by: &Grant<GroupManage>, id: GroupId) -> Result<GroupView, HttpError> {
    let view = web.app.show_group(by, id).await?;
    view.ok_or(HttpError::NotFound)
}

/// Where the groups of a kind are listed.
fn address(kind: GroupKind) -> String {
    format!("/{}", kind.plural())
}

/// Where a group is.
fn group_address(id: GroupId) -> String {
    format!("/{}/{}", id.kind().plural(), id.number())
}

async fn list_page(
    web: &Web,
    by: &Grant<GroupManage>,
    kind: GroupKind,
    params: &Params,
) -> Result<GroupsPage, HttpError> {
    let unreadable = |name| {
        HttpError::bad_request(format!(
            "The parameter “{name}” of this address cannot be read."
        ))
    };
    let archived = match params.archived.as_str() {
        "" => false,
        "1" => true,
        _ => return Err(unreadable("archived")),
    };
    let after = match params.after.as_str() {
        "" => None,
        text => Some(path::parse(text).ok_or_else(|| unreadable("after"))?),
    };
    let after = after.map(|number| GroupId::new(kind, number));
    let list = web.app.list_groups(by, kind, archived, after).await?;
    let here = address(kind);
    let query = if archived {
        "?archived=1&after="
    } else {
        "?after="
    };
    let next = list.rows.last().filter(|_| list.has_after);
    Ok(GroupsPage {
        layout: Layout::of(by.user(), section(kind)),
        problems: Problems::default(),
        twin: None,
        kind: kind.as_str(),
        title: title(kind),
        archived,
        name: Field::default(),
        first: after.is_some().then(|| {
            let archived = if archived { "?archived=1" } else { "" };
            format!("{here}{archived}")
        }),
        next: next.map(|row| format!("{here}{query}{}", row.group.id.number())),
        rows: list.rows.iter().map(|row| listed(web, row)).collect(),
        address: here,
    })
}

/// The part of the program that a kind's pages belong to.
fn section(kind: GroupKind) -> Section {
    match kind {
        GroupKind::Location => Section::Locations,
        GroupKind::Category => Section::Categories,
    }
}

fn title(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Location => "Locations",
        GroupKind::Category => "Categories",
    }
}

fn listed(web: &Web, row: &GroupRow) -> Listed {
    Listed {
        name: row.group.name.clone(),
        href: group_address(row.group.id),
        items: items(&row.usage),
        on_hand: counted(row.usage.on_hand, row.usage.more),
        added: moment(row.group.created_at, web.clock.now()),
    }
}

/// How many items there are, and how many of these are archived.
fn items(usage: &GroupUsage) -> String {
    let count = bounded(usage.items);
    match usage.archived_items {
        0 => count,
        archived => format!("{count} ({} archived)", bounded(archived)),
    }
}

/// A count that ends where nothing more is counted.
fn bounded(count: i64) -> String {
    counted(count.min(COUNTED_MAX), count > COUNTED_MAX)
}

fn counted(count: i64, more: bool) -> String {
    let plus = if more { "+" } else { "" };
    format!("{}{plus}", number(count))
}

/// What stands in the way of archiving, and what to do about it.
fn in_use(name: &str, kind: GroupKind, usage: &GroupUsage) -> String {
    let at = |count: i64, one: &str, many: &str| {
        let words = if count == 1 { one } else { many };
        format!("{} {words}", bounded(count))
    };
    let mut parts = Vec::new();
    if usage.items > 0 {
        parts.push(match kind {
            GroupKind::Location => at(
                usage.items,
                "item is at home here",
                "items are at home here",
            ),
            GroupKind::Category => at(usage.items, "item belongs to it", "items belong to it"),
        });
    }
    if usage.stocked_items > 0 {
        parts.push(at(
            usage.stocked_items,
            "item is in stock here",
            "items are in stock here",
        ));
    }
    if parts.is_empty() {
        // Whatever it is came after the figures were read, or lies beyond what is counted.
        parts.push("something is still in it".to_owned());
    }
    let parts = parts.join(" and ");
    format!(
        "{name} stays in use: {parts}. Merge it into another {kind} to archive it.",
        kind = kind.as_str()
    )
}

fn read_name(input: &Input, field: &mut Field, problems: &mut Problems) -> Option<GroupName> {
    problems.keep(field, "name", "Name", GroupName::parse(&input.name))
}

fn taken(kind: GroupKind, field: &mut Field, problems: &mut Problems) {
    let error = format!("belongs to another {}", kind.as_str());
    problems.refuse(field, "name", "Name", error);
}

/// The group that has the name, and the way to become one with it.
fn twin(other: &Group, this: Option<&Group>) -> Twin {
    let may_merge = other.archived_at.is_none();
    let merge = this.filter(|this| may_merge && this.archived_at.is_none());
    Twin {
        name: other.name.clone(),
        href: group_address(other.id),
        archived: other.archived_at.is_some(),
        merge: merge.map(|this| Way {
            label: format!("Merge {} into {}", this.name, other.name),
            href: format!(
                "{}/merge?into={}",
                group_address(this.id),
                other.id.number()
            ),
        }),
    }
}

async fn group_page(
    web: &Web,
    by: &Grant<GroupManage>,
    view: &GroupView,
) -> Result<GroupPage, HttpError> {
    let group = &view.row.group;
    let (kind, usage) = (group.id.kind(), &view.row.usage);
    let now = web.clock.now();
    let fact = |label, value| Fact { label, value };
    let mut facts = vec![fact("Items", items(usage))];
    if kind == GroupKind::Location {
        let stocked = counted(usage.stocked_items, usage.more);
        facts.push(fact("Items in stock here", stocked));
    }
    facts.push(fact("On hand", counted(usage.on_hand, usage.more)));
    facts.push(fact("Added", moment(group.created_at, now).text));
    let is_empty = usage.items == 0 && usage.stocked_items == 0;
    let unended = view
        .merge
        .as_ref()
        .filter(|(merge, _)| merge.ended_at.is_none());
    Ok(GroupPage {
        layout: Layout::of(by.user(), section(group.id.kind())),
        problems: Problems::default(),
        twin: None,
        kind: kind.as_str(),
        list: Way {
            label: title(kind).to_owned(),
            href: address(kind),
        },
        address: group_address(group.id),
        heading: group.name.clone(),
        archived: group.archived_at.map(|at| moment(at, now)),
        merged_into: view.merged_into.as_ref().map(|into| Way {
            label: into.name.clone(),
            href: group_address(into.id),
        }),
        merging_into: unended.map(|(_, target)| target.name.clone()),
        inventory: format!("/?{}={}", kind.as_str(), group.id.number()),
        facts,
        name: Field::new(&group.name),
        is_empty,
        others: others(web, by, group.id).await?,
    })
}

/// The groups in use that this one can be merged into.
async fn others(
    web: &Web,
    by: &Grant<GroupManage>,
    this: GroupId,
) -> Result<Vec<Choice>, HttpError> {
    let view = by.user().grant::<StockView>()?;
    let choices = web.app.item_choices(&view).await?;
    let others = match this.kind() {
        GroupKind::Location => {
            let all = choices.locations.into_iter();
            all.map(|one| (one.id.0, one.name)).collect::<Vec<_>>()
        }
        GroupKind::Category => {
            let all = choices.categories.into_iter();
            all.map(|one| (one.id.0, one.name)).collect()
        }
    };
    let others = others
        .into_iter()
        .filter(|(number, _)| *number != this.number());
    Ok(others
        .map(|(number, name)| Choice::new(number, name))
        .collect())
}
