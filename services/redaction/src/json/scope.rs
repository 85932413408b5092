//! What a value of JSON stands under: keys of objects, and the head of a table.

use std::rc::Rc;

use super::document::Extent;

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
    /// Values so far.
    count: usize,
    /// Strings so far, as long as there is nothing else: an array of strings alone may be the head of a table.
    strings: Option<Vec<Extent>>,
    /// What heads the tables within.
    head: Option<Rc<[Extent]>>,
}

impl Scope {
    fn new(is_array: bool, above: Names) -> Self {
        let strings = is_array.then(Vec::new);
        Self { is_array, above, key: Extent::EMPTY, count: 0, strings, head: None }
    }
}

impl Scopes {
    pub(super) fn new() -> Self {
        Self { open: vec![Scope::new(false, [Extent::EMPTY; 2])] }
    }

    /// The names above the next value. The work does not grow with the depth.
    pub(super) fn names(&self) -> Names {
        let Some(scope) = self.open.last() else { return [Extent::EMPTY; 2] };
        let key = if scope.is_array { self.column() } else { scope.key };
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

    pub(super) fn key(&mut self, key: Extent) {
        if let Some(scope) = self.open.last_mut() {
            scope.key = key;
        }
    }

    /// Goes past a string.
    pub(super) fn string(&mut self, text: Extent) {
        let Some(scope) = self.open.last_mut() else { return };
        scope.count += 1;
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
