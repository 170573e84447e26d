//! The history's export, read as it comes.

use std::io::{self, Read};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use csv::{ByteRecord, Reader};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::expected::{Change, Expected, Movement};
use crate::account::Account;
use crate::ask::Ask;
use crate::cli::Target;
use crate::client::Client;
use crate::failure::Broken;
use crate::lane::Connections;
use crate::run;

/// How many pieces of the export wait to be read.
const PIECES: usize = 16;

/// Signs in as `account` and gives `expected` every movement of the history.
///
/// # Errors
/// When the history cannot be read to its end.
pub(super) async fn stream(
    target: &Target,
    account: &Account,
    expected: Expected,
) -> anyhow::Result<Expected> {
    let mut tasks = JoinSet::new();
    let mut body = begin(target, account, &mut tasks).await?;
    let (pieces, received) = mpsc::channel(PIECES);
    let reading = tokio::task::spawn_blocking(move || read(Pieces::new(received), expected));
    loop {
        let frame = timeout(target.timeout, body.frame()).await;
        let piece = match frame {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, error)),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let is_last = piece.is_err();
        // The reader goes away only with an error of its own, which is told below.
        if pieces.send(piece).await.is_err() || is_last {
            break;
        }
    }
    drop(pieces);
    reading.await.context("the reader panicked")?
}

/// The export's body, from the first replica that answers.
async fn begin(
    target: &Target,
    account: &Account,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<Incoming> {
    let route = Arc::new(run::route(target, Connections::KeepAlive, 0.0).await?);
    let mut client = Client::new(account.clone(), &route, 0, 1, None);
    client.sign_in().await?;
    let session = client
        .session()
        .context("a client that is signed in has a session")?;
    let (ask, origin) = (
        Ask::history(session),
        target.origin.as_ref().map(|origin| &origin.origin),
    );
    let mut failure = anyhow!("there is no replica");
    for replica in &target.replicas {
        let begun = async {
            let connection = route.way.open(replica).await?;
            let answer = connection.stream(ask.request(replica, origin), tasks).await;
            answer.map_err(|error| Broken::exchanging(&error))
        };
        match begun.await {
            Ok(answer) => return check_head(answer),
            Err(broken) => failure = anyhow!("{}", broken.words),
        }
    }
    Err(failure)
}

/// The body, if it is the export and its end will show.
fn check_head<B>(answer: Response<B>) -> anyhow::Result<B> {
    if answer.status() != StatusCode::OK {
        bail!("answered {}", answer.status());
    }
    let headers = answer.headers();
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        bail!("its length is not told, so that its end cannot be told from a cut");
    }
    Ok(answer.into_body())
}

/// Gives `expected` every movement of the CSV.
fn read(csv: impl Read, mut expected: Expected) -> anyhow::Result<Expected> {
    let mut csv = Reader::from_reader(csv);
    let columns = Columns::find(csv.byte_headers()?)?;
    let mut row = ByteRecord::new();
    while csv.read_byte_record(&mut row)? {
        let line = row.position().map_or(0, csv::Position::line);
        let movement = columns.read(&row).with_context(|| format!("line {line}"))?;
        expected.find(&movement);
    }
    Ok(expected)
}

/// Where the columns are that are compared.
struct Columns {
    key: usize,
    posting: usize,
    item: usize,
    location: usize,
    delta: usize,
    after: usize,
    sku: usize,
}

impl Columns {
    fn find(header: &ByteRecord) -> anyhow::Result<Self> {
        let find = |name: &str| {
            let found = header.iter().position(|cell| cell == name.as_bytes());
            found.with_context(|| format!("there is no column {name}"))
        };
        Ok(Self {
            key: find("key")?,
            posting: find("posting")?,
            item: find("item")?,
            location: find("location")?,
            delta: find("delta")?,
            after: find("after")?,
            sku: find("sku")?,
        })
    }

    fn read<'row>(&self, row: &'row ByteRecord) -> anyhow::Result<Movement<'row>> {
        let number = |column: usize| -> anyhow::Result<i64> {
            let text = std::str::from_utf8(&row[column])?;
            text.parse()
                .with_context(|| format!("{text:?} is no number"))
        };
        Ok(Movement {
            key: Uuid::try_parse_ascii(&row[self.key]).context("no key")?,
            posting: number(self.posting)?,
            change: Change {
                item: number(self.item)?,
                location: number(self.location)?,
                delta: number(self.delta)?,
            },
            after: number(self.after)?,
            sku: &row[self.sku],
        })
    }
}

/// Pieces of a body that come through a channel, as a stream of bytes. Its sender says with an error
/// that it is not complete.
struct Pieces {
    received: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Pieces {
    fn new(received: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        let piece = Bytes::new();
        Self { received, piece }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.received.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "movement,posting,key,line,at,actor,item,sku,name,location,location_name,delta,before,after,\
        reason,source,note\r\n1,10,00000000-0000-0000-0000-000000000007,1,2026-01-01T00:00:00Z,ana,5,A,\"Nuts, \
        \"\"M6\"\"\",1,Shop,-1,5,4,,page,\"two\r\nlines\"\r\n";

    #[test]
    fn columns_are_found_by_their_names() {
        let mut csv = Reader::from_reader(CSV.as_bytes());
        let columns = Columns::find(csv.byte_headers().unwrap()).unwrap();
        let row = csv.byte_records().next().unwrap().unwrap();
        let movement = columns.read(&row).unwrap();
        let change = Change {
            item: 5,
            location: 1,
            delta: -1,
        };
        let key = Uuid::from_u128(7);
        let (posting, after) = (10, 4);
        assert_eq!(
            movement,
            Movement {
                key,
                posting,
                change,
                after,
                sku: b"A",
            }
        );
    }

    #[test]
    fn an_export_must_tell_where_it_ends() {
        let answer = |header, value| Response::builder().header(header, value).body(());
        assert!(check_head(answer("transfer-encoding", "chunked").unwrap()).is_ok());
        assert!(check_head(answer("content-length", "7").unwrap()).is_ok());
        assert!(check_head(answer("connection", "close").unwrap()).is_err());
        let refused = Response::builder()
            .status(403)
            .header("content-length", "7");
        assert!(check_head(refused.body(()).unwrap()).is_err());
    }

    #[test]
    fn a_history_that_is_not_whole_is_an_error() {
        let without = CSV.replace("posting", "number");
        assert!(read(without.as_bytes(), Expected::default()).is_err());
        let half_a_row = &CSV[..CSV.len() - 30];
        assert!(read(half_a_row.as_bytes(), Expected::default()).is_err());
        assert!(read(CSV.as_bytes(), Expected::default()).is_ok());
    }
}
