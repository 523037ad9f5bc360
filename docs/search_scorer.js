// Scores of search results: guides before reference pages, and these before generated pages.
// Sphinx adds points for the place of the match; only the order inside a group depends on them.

var Scorer = (() => {
  const EXACT_NAME = 40;

  const group = (page) => {
    if (/^(tutorial|cheat-sheet|examples|how-to\/)/.test(page)) return 3;
    if (/^(index|explanation\/)/.test(page)) return 2;
    if (/^(contributing\/|reference\/(generated|rest-api))/.test(page)) return 0;
    return 1;
  };

  return {
    score: ([page, title, , , score, , kind]) => {
      // A word like `save_logs` or `SkahaCluster` can only be a name.
      const isName = kind === "object" && score >= EXACT_NAME && /_|[a-z][A-Z]/.test(title.split(".").pop());
      return score + 1000 * (isName ? 4 : group(page));
    },
    objNameMatch: EXACT_NAME,
    objPartialMatch: 6,
    objPrio: {},
    objPrioDefault: 0,
    title: 15,
    partialTitle: 7,
    term: 5,
    partialTerm: 2,
  };
})();
