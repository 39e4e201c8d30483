"""The problems of a pass, collected so that they are raised at once."""

from ganzoo.errors import Problem, RecipeError


class Findings:
    """Problems, each with the advice that belongs to it.

    They are raised sorted by line. An error has one line of advice: that of the first problem that
    has any.
    """

    def __init__(self) -> None:
        self._hints: dict[Problem, str | None] = {}

    def add(self, problem: Problem, hint: str | None = None) -> None:
        """Note a problem; the same one twice is one."""
        self._hints[problem] = self._hints.get(problem) or hint

    def take(self, error: RecipeError) -> None:
        """Note the problems of an error that another pass raised."""
        for problem in error.problems:
            self.add(problem, error.hint)

    def raise_any(self) -> None:
        """Do nothing where there is no problem.

        Raises:
            RecipeError: with every problem.
        """
        if self._hints:
            problems = sorted(self._hints)
            hints = (self._hints[each] for each in problems)
            raise RecipeError(problems, hint=next(filter(None, hints), None))
