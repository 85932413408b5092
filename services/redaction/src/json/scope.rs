//! What a value of JSON stands under: keys of objects, and the head of a table.

use std::rc::Rc;

use super::document::Extent;

/// Keys that say nothing of their value; what it is, a string beside it says.
const VALUES: [&str; 9] = ["value", "val", "values", "content", "answer", "data", "القيمة", "قيمة", "مقدار"];
/// Keys of strings that say what a value beside them is, rather than any other string there.
const LABELS: [&str; 9] =
    ["label", "name", "field", "key", "title", "question", "attribute", "الحقل", "الاسم"];

/// Columns of the widest table.
const COLUMNS_MAX: usize = 64;

/// The innermost two names above a value, outer first; empty where there are less.
pub(super) type Names = [Extent; 2];

/// The containers that are open where a text is read.
pub(super) struct Scopes {
    open: Vec<Scope>,
}

struct Scope {
    is_array: bool,
    /// Names of the container itself, so that no value has to look for them further up.
    above: Names,
    /// The key in front of the next value.
    key: Extent,
    role: Role,
    /// What was said so far of a value in the object.
    label: Option<Label>,
    /// Values so far.
    count: usize,
    /// Strings so far, as long as there is nothing else: an array of strings alone may be the head of a table.
    strings: Option<Vec<Extent>>,
    /// What heads the tables within.
    head: Option<Rc<[Extent]>>,
}

/// What a key says of its value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Name,
    Label,
    Value,
}

/// A string that may say what a value beside it is.
#[derive(Clone, Copy)]
struct Label {
    text: Extent,
    is_told: bool,
}

impl Role {
    fn of(key: &str) -> Self {
        let is = |known: &&'static str| known.eq_ignore_ascii_case(key);
        if VALUES.iter().any(is) {
            Self::Value
        } else if LABELS.iter().any(is) {
            Self::Label
        } else {
            Self::Name
        }
    }
}

impl Scope {
    fn new(is_array: bool, above: Names) -> Self {
        let strings = is_array.then(Vec::new);
        Self {
            is_array,
            above,
            key: Extent::EMPTY,
            role: Role::Name,
            label: None,
            count: 0,
            strings,
            head: None,
        }
    }
}

impl Scopes {
    pub(super) fn new() -> Self {
        Self { open: vec![Scope::new(false, [Extent::EMPTY; 2])] }
    }

    /// The names above the next value. The work does not grow with the depth.
    pub(super) fn names(&self) -> Names {
        let Some(scope) = self.open.last() else { return [Extent::EMPTY; 2] };
        let key = match (scope.is_array, scope.label) {
            (true, _) => self.column(),
            (false, Some(label)) if scope.role == Role::Value => label.text,
            (false, _) => scope.key,
        };
        if key == Extent::EMPTY { scope.above } else { [scope.above[1], key] }
    }

    /// The names above the next key: those of its object.
    pub(super) fn names_of_key(&self) -> Names {
        self.open.last().map_or([Extent::EMPTY; 2], |scope| scope.above)
    }

    /// What heads the column of the next value: its row is an array in an array that begins with the head, or lies beside it.
    fn column(&self) -> Extent {
        let mut outer = self.open.iter().rev();
        let column = outer.next().map_or(0, |row| row.count);
        let head = match (outer.next(), outer.next()) {
            (Some(rows), Some(table)) if rows.is_array => rows.head.as_ref().or(table.head.as_ref()),
            (Some(beside), _) => beside.head.as_ref(),
            _ => None,
        };
        head.and_then(|head| head.get(column)).copied().unwrap_or(Extent::EMPTY)
    }

    pub(super) fn key(&mut self, key: Extent, text: &str) {
        if let Some(scope) = self.open.last_mut() {
            (scope.key, scope.role) = (key, Role::of(text));
        }
    }

    /// Goes past a string.
    pub(super) fn string(&mut self, text: Extent) {
        let Some(scope) = self.open.last_mut() else { return };
        scope.count += 1;
        let is_told = scope.role == Role::Label;
        if scope.role != Role::Value && (is_told || scope.label.is_none_or(|label| !label.is_told)) {
            scope.label = Some(Label { text, is_told });
        }
        if let Some(strings) = scope.strings.as_mut().filter(|strings| strings.len() < COLUMNS_MAX) {
            strings.push(text);
        }
    }

    /// Goes past a value that is no string.
    pub(super) fn other(&mut self) {
        let Some(scope) = self.open.last_mut() else { return };
        scope.count += 1;
        scope.strings = None;
    }

    pub(super) fn enter(&mut self, is_array: bool) {
        let scope = Scope::new(is_array, self.names());
        self.open.push(scope);
    }

    pub(super) fn leave(&mut self) {
        let Some(inner) = self.open.pop() else { return };
        let Some(scope) = self.open.last_mut() else { return };
        let head = inner.strings.filter(|strings| !strings.is_empty());
        // Of rows only the first may be the head of the others.
        if let Some(head) = head.filter(|_| !scope.is_array || scope.count == 0) {
            scope.head = Some(head.into());
        }
        self.other();
    }
}
