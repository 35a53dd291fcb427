//! From tokens to an expression: `||` binds least, then `&&`, then `!`, which takes one term (C-30).

use super::lexer::{Kind, NO_OPERATOR, OPERATORS_ARE, Token};
use super::{Expression, SyntaxError, Test};

/// Parentheses nested deeper than this are refused; it keeps recursion over an expression safe.
const MAX_DEPTH: usize = 100;

const TERM: &str = "expected a label, `has(..)`, `all()` or `(`";

pub(super) struct Parser<'a, 't> {
    tokens: &'a [Token<'t>],
    /// The length of the text, where its end is.
    end: usize,
    depth: usize,
}

impl<'a, 't> Parser<'a, 't> {
    pub(super) const fn new(tokens: &'a [Token<'t>], end: usize) -> Self {
        Self { tokens, end, depth: 0 }
    }

    /// The whole text. Without any token it selects everything.
    pub(super) fn whole(mut self) -> Result<Expression, SyntaxError> {
        if self.tokens.is_empty() {
            return Ok(Expression::All);
        }
        let expression = self.or()?;
        match self.tokens.first() {
            None => Ok(expression),
            Some(Token { kind: Kind::Comma, .. }) => Err(self
                .wrong("expected `&&` or `||`")
                .help("a comma stands only between the values of a set")),
            Some(Token { kind: Kind::Close, .. }) => Err(self.wrong("this `)` closes nothing")),
            Some(_) => Err(self.wrong("expected `&&` or `||` between two terms")),
        }
    }

    fn or(&mut self) -> Result<Expression, SyntaxError> {
        let mut terms = vec![self.and()?];
        while self.take(Kind::Or) {
            terms.push(self.and()?);
        }
        Ok(one_or(terms, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, SyntaxError> {
        let mut terms = vec![self.negated()?];
        while self.take(Kind::And) {
            terms.push(self.negated()?);
        }
        Ok(one_or(terms, Expression::And))
    }

    fn negated(&mut self) -> Result<Expression, SyntaxError> {
        let mut negated = false;
        while self.take(Kind::Not) {
            negated = !negated;
        }
        let term = self.term()?;
        Ok(if negated { Expression::Not(Box::new(term)) } else { term })
    }

    fn term(&mut self) -> Result<Expression, SyntaxError> {
        let Some(token) = self.tokens.first() else { return Err(self.wrong(TERM)) };
        let term = match token.kind {
            Kind::All => Expression::All,
            Kind::Global => Expression::Global,
            Kind::Has(label) => Expression::Label { key: label.into(), test: Test::Has },
            Kind::Label(label) => {
                self.next();
                return Ok(Expression::Label { key: label.into(), test: self.test()? });
            }
            Kind::Open => return self.parenthesis(),
            Kind::Value(_) => {
                let help = "names of labels stand without quotes, values in quotes: `app == 'web'`";
                return Err(self.wrong(TERM).help(help));
            }
            _ => return Err(self.wrong(TERM)),
        };
        self.next();
        Ok(term)
    }

    fn parenthesis(&mut self) -> Result<Expression, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.wrong(format!("parentheses are nested deeper than {MAX_DEPTH} times")));
        }
        self.depth += 1;
        self.next();
        let inner = self.or()?;
        if !self.take(Kind::Close) {
            return Err(self.wrong("expected `)`"));
        }
        self.depth -= 1;
        Ok(inner)
    }

    /// What is asked of a label: an operator and what stands behind it.
    fn test(&mut self) -> Result<Test, SyntaxError> {
        let operator = self.tokens.first().map(|token| token.kind);
        let with: fn(Box<str>) -> Test = match operator {
            Some(Kind::Equal) => Test::Equals,
            Some(Kind::NotEqual) => Test::NotEquals,
            Some(Kind::Contains) => Test::Contains,
            Some(Kind::StartsWith) => Test::StartsWith,
            Some(Kind::EndsWith) => Test::EndsWith,
            Some(kind @ (Kind::In | Kind::NotIn)) => {
                self.next();
                let values = self.set()?;
                return Ok(if kind == Kind::In { Test::In(values) } else { Test::NotIn(values) });
            }
            _ => {
                return Err(self.wrong(NO_OPERATOR).help(OPERATORS_ARE));
            }
        };
        self.next();
        match self.tokens.first() {
            Some(Token { kind: Kind::Value(value), .. }) => {
                self.next();
                Ok(with((*value).into()))
            }
            Some(Token { kind: Kind::Label(word), .. }) => {
                Err(self.wrong("expected a value in quotes").help(format!("write `'{word}'`")))
            }
            _ => Err(self.wrong("expected a value in quotes")),
        }
    }

    /// `{'a', "b"}`; a comma may stand behind the last value, and there may be none.
    fn set(&mut self) -> Result<Vec<Box<str>>, SyntaxError> {
        if !self.take(Kind::OpenBrace) {
            let error = self.wrong("expected `{`: the values of a set stand in braces");
            return Err(error.help("write `label in {'a', 'b'}`"));
        }
        let mut values = Vec::new();
        while let Some(Token { kind: Kind::Value(value), .. }) = self.tokens.first() {
            self.next();
            values.push((*value).into());
            if !self.take(Kind::Comma) {
                break;
            }
        }
        if self.take(Kind::CloseBrace) {
            values.sort_unstable();
            values.dedup();
            return Ok(values);
        }
        Err(match self.tokens.first() {
            Some(Token { kind: Kind::Label(word), .. }) => {
                self.wrong("expected a value in quotes").help(format!("write `'{word}'`"))
            }
            _ => self.wrong("expected `}` behind the values of a set, which have commas between them"),
        })
    }

    fn next(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn take(&mut self, kind: Kind<'_>) -> bool {
        let found = self.tokens.first().is_some_and(|token| token.kind == kind);
        if found {
            self.next();
        }
        found
    }

    /// An error at the next token, or at the end.
    fn wrong(&self, message: impl Into<String>) -> SyntaxError {
        let at = self.tokens.first().map_or(self.end..self.end, |token| token.at.clone());
        let message = message.into();
        let message = if at.is_empty() { format!("the selector ends too early: {message}") } else { message };
        SyntaxError { at, message, help: None }
    }
}

/// The only term itself, or all of them.
fn one_or(mut terms: Vec<Expression>, all: fn(Vec<Expression>) -> Expression) -> Expression {
    match (terms.len(), terms.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            terms.push(last);
            all(terms)
        }
        // There is always one.
        (_, None) => Expression::All,
    }
}
