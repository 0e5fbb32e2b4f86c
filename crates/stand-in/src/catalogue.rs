//! The catalogue: filters, order, paging by search-after, refusals.

use crate::Shared;
use crate::behaviour::{FaultKind, Place};
use crate::exchange::{Connection, Request};
use crate::geometry::{Ring, meet, ring_of_box};
use crate::records::Record;
use serde_json::{Value, json};

const KNOWN: [&str; 19] = [
    "short_name",
    "version",
    "provider",
    "provider_id",
    "temporal",
    "bounding_box",
    "point",
    "polygon",
    "cloud_cover",
    "day_night_flag",
    "day_night",
    "readable_granule_name",
    "producer_granule_id",
    "page_size",
    "page_num",
    "sort_key",
    "concept_id",
    "collection_concept_id",
    "downloadable",
];

/// A recorded answer.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The search-after of the request.
    pub asked: Option<String>,
    /// Names, in lower case, and values of the answer's headers.
    pub headers: Vec<(String, String)>,
    /// The answer.
    pub body: Value,
}

/// `granules.umm_json`.
pub(crate) fn granules(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    answer(shared, connection, request, |records, hits| {
        let items: Vec<&Value> = records.iter().map(|r| &r.0).collect();
        json!({ "hits": hits, "took": 7, "items": items })
    })
}

/// `granules.json`, which some clients ask for the number of hits.
pub(crate) fn granules_json(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
) -> bool {
    answer(shared, connection, request, |records, _| {
        let title = |r: &Record| json!({ "title": r.text("/umm/GranuleUR") });
        json!({ "feed": { "entry": records.iter().map(|r| title(r)).collect::<Vec<_>>() } })
    })
}

fn answer(
    shared: &Shared,
    connection: &mut Connection,
    request: &Request,
    body: impl Fn(&[&Record], usize) -> Value,
) -> bool {
    let place = Place::Catalogue;
    let fault = shared.strike(place);
    if let Some(done) = connection.fail(shared, request, place, fault.as_ref()) {
        return done;
    }
    if !shared.recorded.is_empty() {
        let asked = request.header("cmr-search-after");
        let recorded = shared.recorded.iter().find(|r| r.asked.as_deref() == asked);
        let Some(recorded) = recorded else {
            return connection.refuse(shared, request, place, 400, "not recorded");
        };
        let headers = recorded
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let headers: Vec<_> = headers
            .filter(|(name, _)| name.starts_with("cmr-"))
            .collect();
        shared.log(place, request, 200, 0);
        return connection.send_json(200, &headers, &recorded.body);
    }
    let found = match select(shared, request) {
        Ok(found) => found,
        Err(why) => {
            shared.log(place, request, 400, 0);
            return connection.send_json(400, &[], &json!({ "errors": [why] }));
        }
    };
    let size = request.get("page_size").map_or(Ok(10), str::parse::<usize>);
    let Some(size) = size.ok().filter(|size| *size <= 2000) else {
        shared.log(place, request, 400, 0);
        let why = "page_size must be a number between 0 and 2000";
        return connection.send_json(400, &[], &json!({ "errors": [why] }));
    };
    let key = |record: &Record| {
        json!([
            "ob_cloud",
            record.text("/umm/TemporalExtent/RangeDateTime/BeginningDateTime"),
            record.text("/meta/concept-id")
        ])
        .to_string()
    };
    let after = request.header("cmr-search-after");
    let page_number: usize = request
        .get("page_num")
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    let hits = found.len();
    let start = match after {
        Some(after) => found
            .iter()
            .position(|r| key(r) == after)
            .map_or(hits, |i| i + 1),
        None => (page_number.max(1) - 1) * size,
    };
    let mut page = &found[start.min(hits)..(start + size).min(hits)];
    if fault == Some(FaultKind::LostRecords) {
        page = &page[..page.len().saturating_sub(1)];
    }
    let hits_text = hits.to_string();
    let mut headers = vec![("CMR-Hits", hits_text.as_str()), ("CMR-Took", "7")];
    let last = page.last().map(|record| key(record));
    if let Some(last) = &last {
        headers.push(("CMR-Search-After", last));
    }
    shared.log(place, request, 200, 0);
    connection.send_json(200, &headers, &body(page, hits))
}

fn select<'a>(shared: &'a Shared, request: &Request) -> Result<Vec<&'a Record>, String> {
    for (name, _) in &request.query {
        let base = name.trim_end_matches("[]");
        if !KNOWN.contains(&base) && !base.starts_with("options[") && !base.starts_with("pretty") {
            return Err(format!("Parameter [{base}] was not recognized."));
        }
    }
    if request
        .query
        .iter()
        .all(|(name, _)| name == "page_size" || name == "page_num")
    {
        return Err("The CMR does not allow querying across granules in all collections.".into());
    }
    let mut found = Vec::new();
    for record in &shared.records {
        if accepts(record, request)? {
            found.push(record);
        }
    }
    let start = "/umm/TemporalExtent/RangeDateTime/BeginningDateTime";
    found.sort_by_key(|r| {
        (
            r.text(start).to_owned(),
            r.text("/meta/concept-id").to_owned(),
        )
    });
    Ok(found)
}

fn accepts(record: &Record, request: &Request) -> Result<bool, String> {
    let pattern = |name: &str| request.get(&format!("options[{name}][pattern]")) == Some("true");
    let any = |name: &str, text: &str| {
        let mut wanted = request.all(name).peekable();
        wanted.peek().is_none()
            || wanted.any(|w| match pattern(name) {
                true => glob(&w.to_lowercase(), &text.to_lowercase()),
                false => w.eq_ignore_ascii_case(text),
            })
    };
    let name = record.text("/umm/DataGranule/Identifiers/0/Identifier");
    let plain = any(
        "short_name",
        record.text("/umm/CollectionReference/ShortName"),
    ) && any("version", record.text("/umm/CollectionReference/Version"))
        && any("provider", record.text("/meta/provider-id"))
        && any("provider_id", record.text("/meta/provider-id"))
        && any("concept_id", record.text("/meta/concept-id"))
        && any(
            "day_night_flag",
            record.text("/umm/DataGranule/DayNightFlag"),
        )
        && any("producer_granule_id", name)
        && (any("readable_granule_name", name)
            || any("readable_granule_name", record.text("/umm/GranuleUR")));
    if !plain {
        return Ok(false);
    }
    if let Some(range) = request.get("cloud_cover") {
        let (low, high) = range
            .split_once(',')
            .ok_or("cloud_cover needs two numbers")?;
        let number = |text: &str| -> Option<f64> { text.parse().ok() };
        let cover = record.number("/umm/CloudCover");
        let fits =
            |c: f64| number(low).is_none_or(|l| c >= l) && number(high).is_none_or(|h| c <= h);
        if !cover.is_some_and(fits) {
            return Ok(false);
        }
    }
    for range in request.all("temporal") {
        let (from, upto) = range.split_once(',').unwrap_or((range, ""));
        let at = "/umm/TemporalExtent/RangeDateTime";
        let (start, end) = (
            format!("{at}/BeginningDateTime"),
            format!("{at}/EndingDateTime"),
        );
        let (start, end) = (time(record.text(&start))?, time(record.text(&end))?);
        let after = from.is_empty() || end >= time(from)?;
        if !(after && (upto.is_empty() || start <= time(upto)?)) {
            return Ok(false);
        }
    }
    let touches = |area: &Ring| record.polygons().iter().any(|ring| meet(ring, area));
    let (boxes, polygons) = areas(request)?;
    let any = request.get("options[polygon][or]") == Some("true");
    let in_polygons = match any {
        true => polygons.iter().any(touches),
        false => polygons.iter().all(touches),
    };
    Ok(boxes.iter().all(touches) && in_polygons)
}

/// The boxes and points asked for, all of which a granule must meet; and the polygons.
fn areas(request: &Request) -> Result<(Vec<Ring>, Vec<Ring>), String> {
    let numbers = |text: &str| -> Result<Vec<f64>, String> {
        let numbers: Result<Vec<f64>, _> = text.split(',').map(str::parse).collect();
        numbers.map_err(|_| format!("[{text}] is not a valid list of coordinates"))
    };
    let (mut areas, mut polygons) = (Vec::new(), Vec::new());
    for text in request.all("bounding_box") {
        match numbers(text)?[..] {
            [w, s, e, n]
                if s <= n && s >= -90.0 && n <= 90.0 && w.abs() <= 180.0 && e.abs() <= 180.0 =>
            {
                areas.push(ring_of_box((w, s, e, n)));
            }
            _ => return Err(format!("[{text}] is not a valid bounding_box")),
        }
    }
    for text in request.all("point") {
        match numbers(text)?[..] {
            [x, y] if x.abs() <= 180.0 && y.abs() <= 90.0 => {
                areas.push(ring_of_box((x - 1e-9, y - 1e-9, x + 1e-9, y + 1e-9)));
            }
            _ => return Err(format!("[{text}] is not a valid point")),
        }
    }
    for text in request.all("polygon") {
        let numbers = numbers(text)?;
        let ring: Ring = numbers
            .as_chunks::<2>()
            .0
            .iter()
            .map(|p| (p[0], p[1]))
            .collect();
        if ring.len() < 4 || ring.first() != ring.last() || numbers.len() % 2 != 0 {
            return Err(
                "Polygon boundary was not closed. The first and last points must be equal.".into(),
            );
        }
        let area: f64 = ring
            .windows(2)
            .map(|w| w[0].0 * w[1].1 - w[1].0 * w[0].1)
            .sum();
        if area <= 0.0 {
            return Err(
                "The polygon boundary points are listed in the wrong order (clockwise vs \
                 counter clockwise). Please see the API documentation for the correct order."
                    .into(),
            );
        }
        polygons.push(ring);
    }
    Ok((areas, polygons))
}

fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| {
        format!("temporal start datetime is invalid: [{text}] is not a valid datetime")
    })
}

/// Whether a pattern with `*` and `?` matches all of a text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            text.char_indices().any(|(i, _)| glob(rest, &text[i..])) || glob(rest, "")
        }
        Some(first) => {
            let mut text = text.chars();
            let next = text.next();
            next.is_some_and(|c| first == '?' || first == c)
                && glob(pattern.as_str(), text.as_str())
        }
    }
}

/// `collections.umm_json`: the collections that there are records of, and some others of the archive.
pub(crate) fn collections(shared: &Shared, connection: &mut Connection, request: &Request) -> bool {
    let place = Place::Catalogue;
    let fault = shared.strike(place);
    if let Some(done) = connection.fail(shared, request, place, fault.as_ref()) {
        return done;
    }
    let mut names: Vec<String> = shared
        .records
        .iter()
        .map(|r| r.text("/umm/CollectionReference/ShortName").to_owned())
        .collect();
    for suite in ["AOP", "IOP", "BGC", "PAR", "SFREFL", "LANDVI"] {
        names.push(format!("PACE_OCI_L2_{suite}"));
        names.push(format!("PACE_OCI_L2_{suite}_NRT"));
    }
    names.sort();
    names.dedup();
    let pattern = request.get("options[short_name][pattern]") == Some("true");
    let wanted: Vec<&str> = request.all("short_name").collect();
    names.retain(|name| {
        wanted.is_empty()
            || wanted.iter().any(|w| match pattern {
                true => glob(&w.to_lowercase(), &name.to_lowercase()),
                false => w.eq_ignore_ascii_case(name),
            })
    });
    let hits = names.len().to_string();
    let items: Vec<Value> = names
        .iter()
        .map(|name| json!({ "meta": { "provider-id": "OB_CLOUD" }, "umm": { "ShortName": name, "Version": "3.1" } }))
        .collect();
    shared.log(place, request, 200, 0);
    connection.send_json(
        200,
        &[("CMR-Hits", &hits)],
        &json!({ "hits": names.len(), "took": 5, "items": items }),
    )
}
