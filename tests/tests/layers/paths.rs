//! Reads one file: the names that it defines, its `use` declarations, and the paths in its code.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, Meta, Stmt, TraitItem, UseTree, Visibility};

use super::module_tree::{Binding, Named, Tree};

/// A `mod name;` that is to be read from its own file.
pub(super) struct Outline {
    pub(super) name: String,
    pub(super) parent: usize,
    /// Folder of the file, with a slash at its end.
    pub(super) folder: String,
    pub(super) is_test: bool,
}

/// Visits the syntax tree of one file.
pub(super) struct Reader<'a> {
    tree: &'a mut Tree,
    module: usize,
    /// Folder of the children of `module`.
    folder: String,
    /// How many function bodies and blocks we are in: items there are not the module's.
    depth: usize,
    outlines: Vec<Outline>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(tree: &'a mut Tree, module: usize, folder: &str) -> Self {
        Self { tree, module, folder: folder.to_owned(), depth: 0, outlines: Vec::new() }
    }

    pub(super) fn into_outlines(self) -> Vec<Outline> {
        self.outlines
    }

    fn define(&mut self, name: &Ident) {
        if self.depth == 0 {
            self.tree.modules[self.module].items.insert(plain(name));
        }
    }

    fn declare_module(&mut self, item: &syn::ItemMod) {
        let name = plain(&item.ident);
        let is_test = self.tree.modules[self.module].is_test || is_test_only(&item.attrs);
        let Some((_, items)) = &item.content else {
            let folder = self.folder.clone();
            self.outlines.push(Outline { name, parent: self.module, folder, is_test });
            return;
        };
        let own = &self.tree.modules[self.module];
        let (file, root) = (own.file.clone(), own.root);
        let child = self.tree.add(&file, Some(self.module), root, is_test);
        self.tree.modules[self.module].children.insert(name.clone(), child);
        let outer = (self.module, self.folder.clone());
        self.module = child;
        self.folder.push_str(&format!("{name}/"));
        for item in items {
            self.visit_item(item);
        }
        (self.module, self.folder) = outer;
    }

    fn bind(&mut self, tree: &UseTree, prefix: &[String], is_reexport: bool) {
        let joined = |name: &Ident| [prefix, &[plain(name)]].concat();
        let (name, path, ident) = match tree {
            UseTree::Path(path) => {
                return self.bind(&path.tree, &joined(&path.ident), is_reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.bind(tree, prefix, is_reexport);
                }
                return;
            }
            // `use a::b::{self}` names `a::b`.
            UseTree::Name(name) if name.ident == "self" => {
                (prefix.last().cloned(), prefix.to_vec(), &name.ident)
            }
            UseTree::Rename(name) if name.ident == "self" => {
                (Some(plain(&name.rename)), prefix.to_vec(), &name.ident)
            }
            UseTree::Name(name) => (Some(plain(&name.ident)), joined(&name.ident), &name.ident),
            UseTree::Rename(name) => (Some(plain(&name.rename)), joined(&name.ident), &name.ident),
            UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                let binding = Binding { name: None, path: prefix.to_vec(), line, is_reexport };
                self.tree.modules[self.module].bindings.push(binding);
                return;
            }
        };
        let line = ident.span().start().line;
        let binding = Binding { name, path, line, is_reexport };
        self.tree.modules[self.module].bindings.push(binding);
    }

    fn name(&mut self, path: Vec<String>, line: usize) {
        self.tree.modules[self.module].named.push(Named { path, line });
    }

    /// Finds paths in the tokens of a macro, which have no syntax tree.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(first) => {
                    let (path, end) = path_at(&tokens, at);
                    let before = at.checked_sub(1).map(|before| &tokens[before]);
                    // A field, a method, a lifetime or a macro's own variable.
                    let is_other = is_punct(before, '.')
                        || is_punct(before, '\'')
                        || is_punct(before, '$') && first != "crate";
                    let is_call = matches!(tokens.get(end), Some(TokenTree::Group(_)))
                        || is_punct(tokens.get(end), '!');
                    if !is_other && (path.len() > 1 || is_call || is_type_name(&path[0])) {
                        self.name(path, first.span().start().line);
                    }
                    at = end;
                    continue;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }
}

/// The path that starts at a token, and the token after it.
fn path_at(tokens: &[TokenTree], start: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = start;
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        path.push(plain(ident));
        at += 1;
        let is_next = is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':');
        if !is_next || !matches!(tokens.get(at + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        at += 2;
    }
    (path, at)
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// A name without the `r#` of a raw identifier.
fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

/// A variable may have the name of an imported function, so a single small word is no import
/// unless it is called.
fn is_type_name(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

/// Whether an attribute is `#[cfg(test)]`, alone or with further conditions.
fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let mut tokens = list.tokens.clone().into_iter();
            match tokens.next() {
                Some(TokenTree::Ident(name)) if name == "test" => true,
                Some(TokenTree::Ident(name)) if name == "all" => {
                    let inner = tokens.next().map(|inner| inner.to_string()).unwrap_or_default();
                    inner.trim_matches(['(', ')']).split(',').any(|part| part.trim() == "test")
                }
                _ => false,
            }
        }
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(item) => &item.attrs,
            Item::Enum(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Macro(item) => &item.attrs,
            Item::Static(item) => &item.attrs,
            Item::Struct(item) => &item.attrs,
            Item::Trait(item) => &item.attrs,
            Item::Type(item) => &item.attrs,
            Item::Union(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            // A module is read even if it is a test, so that its file is known.
            Item::Mod(item) => return self.declare_module(item),
            _ => return visit::visit_item(self, item),
        };
        if is_test_only(attributes) {
            return;
        }
        match item {
            Item::Const(item) => self.define(&item.ident),
            Item::Enum(item) => self.define(&item.ident),
            Item::Fn(item) => self.define(&item.sig.ident),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    self.define(name);
                    self.tree.macros.insert(plain(name), self.module);
                }
            }
            Item::Static(item) => self.define(&item.ident),
            Item::Struct(item) => self.define(&item.ident),
            Item::Trait(item) => self.define(&item.ident),
            Item::Type(item) => self.define(&item.ident),
            Item::Union(item) => self.define(&item.ident),
            Item::Use(item) => {
                let is_reexport = !matches!(item.vis, Visibility::Inherited);
                return self.bind(&item.tree, &[], is_reexport);
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let is_test = matches!(item, TraitItem::Fn(item) if is_test_only(&item.attrs));
        if !is_test {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !is_test_only(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let is_test = match statement {
            Stmt::Local(local) => is_test_only(&local.attrs),
            Stmt::Macro(call) => is_test_only(&call.attrs),
            Stmt::Expr(Expr::Block(block), _) => is_test_only(&block.attrs),
            Stmt::Expr(Expr::MethodCall(call), _) => is_test_only(&call.attrs),
            Stmt::Expr(Expr::Call(call), _) => is_test_only(&call.attrs),
            Stmt::Expr(..) | Stmt::Item(_) => false,
        };
        if !is_test {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.depth += 1;
        visit::visit_block(self, block);
        self.depth -= 1;
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(function) = &*call.func
            && let Some(name) = function.path.get_ident()
        {
            self.name(vec![plain(name)], name.span().start().line);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
        if path.leading_colon.is_none() && (names.len() > 1 || is_type_name(&names[0])) {
            self.name(names, path.segments[0].ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(name) = call.path.get_ident() {
            self.name(vec![plain(name)], name.span().start().line);
        }
        self.visit_path(&call.path);
        self.scan(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta
            && !list.path.is_ident("cfg")
        {
            self.scan(list.tokens.clone());
        }
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
