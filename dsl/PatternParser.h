// The recursive-descent parser of one pattern file. Items are in ParserItems.cpp, expressions in
// ParserExpr.cpp, library calls in ParserCalls.cpp, files and includes in Parser.cpp.
#pragma once

#include "maskloom/dsl/CheckExpr.h"
#include "maskloom/dsl/Lexer.h"
#include "maskloom/dsl/Library.h"
#include "maskloom/dsl/Pattern.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace maskloom {

/// What one call of parsePatterns shares over all included files.
struct ParseSession {
  std::vector<Pattern> patterns;
  std::vector<Diagnostic> diagnostics;
  std::vector<std::string> includeStack;    ///< normalised paths, the innermost last
  std::set<std::string> included;           ///< files that were read: each counts once
  std::map<std::string, std::string> texts; ///< by the file name of diagnostics
  std::map<std::string, Location> patternNames;
  size_t libraryCalls = 0;
  size_t counted = 0, errors = 0; ///< of the first `counted` diagnostics `errors` are errors
};

/// The file's text, up to one byte more than a pattern file may have; false and the reason where there is
/// none.
bool readText(const std::string &path, std::string &text, std::string &reason);

class PatternParser {
public:
  PatternParser(ParseSession &session, std::string_view text, const std::string &file);
  void parseFile();

private:
  /// Thrown after an error was reported, caught where parsing goes on at the next item.
  struct Recover {};
  using Meaning = std::variant<std::shared_ptr<const ParamDecl>, std::shared_ptr<const AuxDecl>, Expr>;

  // Tokens
  const Token &token() const { return tokens_[next_]; }
  Token take();
  bool accept(std::string_view text);
  Token expect(std::string_view text, std::string_view where, std::string hint = {});
  Token expectName(std::string_view what);
  int64_t expectInteger(std::string_view what);
  int64_t integerOf(const Token &token, bool negative);
  double realOf(const Token &token);
  Location locationOf(const Token &token) const;
  [[noreturn]] void fail(const Location &loc, std::string message, std::string hint = {});
  [[noreturn]] void failExpected(std::string_view what, std::string hint = {});
  void error(const Location &loc, std::string message, std::string hint = {});
  void note(const Location &loc, std::string message);
  void skipToNextItem();
  void skipToNextPattern();

  // Files and items
  void parseInclude();
  void parsePattern();
  void parseItem();
  void parseParams();
  void parseAux(bool isBlockTable);
  AuxAxis parseAxis();
  void parseSpace();
  void parseLet();
  void parseMask();
  void parseGroup(bool byKvHead);
  void parseScore();
  void parseSink();
  void endItem(std::string_view after);
  void finishPattern(size_t errorsBefore);
  std::shared_ptr<const AuxDecl> findTensor(const Token &name, const std::string &declaration);
  std::string declareName(const Token &name, std::string_view what);
  void addMask(const Expr &mask);
  size_t errorCount();

  // Expressions, loosest binding first
  Expr parseExpr();
  Expr parseOr();
  Expr parseAnd();
  Expr parseComparison();
  Expr parseSum();
  Expr parseProduct();
  Expr parseUnary();
  Expr parsePrimary();
  Expr parseName();
  Expr parseCall(const Token &function, Op op, size_t least, size_t most);
  Expr parseCoordinate(const Token &name, IndexVar position);
  Expr parseLoad(const Token &name, const std::shared_ptr<const AuxDecl> &aux);
  Expr parseBands(const Token &keyword);
  Expr parseLibraryCall(const Token &name, const LibraryFunction &function);
  void parseArgument(const LibraryFunction &function, LibraryCall &call);
  Expr parseIntegerArgument(const Token &name);
  int64_t parseConstant(const Token &name);
  double parseNumberArgument(const Token &name);
  bool parseFlag(const Token &name);
  std::shared_ptr<const AuxDecl> parseTensorArgument(const Token &name, AuxType type);
  void reportFaults(const Expr &result, const LibraryCall &call);
  [[noreturn]] void failUnknown(const Token &name);
  Expr arithmetic(Op op, Expr a, Expr b, const Location &loc);
  Expr comparison(Op op, Expr a, Expr b, const Location &loc);
  Expr promoted(const Expr &expr);
  Expr tracked(Expr expr, const Location &loc);
  Expr measured(const Expr &expr, const Location &loc);
  void limitExtent(const ExprExtent &extent, const Location &loc);

  ParseSession &session_;
  const std::string &file_;
  std::vector<Token> tokens_;
  size_t next_ = 0;
  int braces_ = 0; ///< depth of open braces at the current token
  int nesting_ = 0;

  // Of the pattern being parsed
  Pattern pattern_;
  std::map<std::string, std::pair<Meaning, Location>> names_;
  std::set<std::string> failedNames_; ///< declared in items with errors: their uses are not reported again
  bool itemFailed_ = false;           ///< some item has an error, reported here or by the lexer
  bool spaceFailed_ = false;          ///< the token space has an error: nothing is said of its uses
  std::unordered_map<const ExprNode *, ExprExtent> extents_;
};

} // namespace maskloom
