"""Studies: models, seeds and data sets from one file, compared so that none has an advantage.

Made here: models of equal size, tuned equally hard, their final runs, and verdicts on them; and models of growing
size, with what growth is worth. From: ``experiment``, which
makes a single run, and ``analysis``, which says what a gain is worth; a room of its own because one is about one run
and the other about scores, and neither should know of contests. Who may ask: ``cli``.
"""

from tamis.study.compare import compare, prepare_study
from tamis.study.planning import PlannedEntrant, StudyPlan, plan_study
from tamis.study.scale_planning import ScalePlan, plan_scale
from tamis.study.scale_settings import ScaleSettings, load_scale, read_scale
from tamis.study.scaling import judge_scale, scale, write_scale
from tamis.study.settings import StudySettings, load_study, read_study
from tamis.study.verdicts import check_replaces_no_fuller, judge, write_verdicts

__all__ = [
    "PlannedEntrant",
    "ScalePlan",
    "ScaleSettings",
    "StudyPlan",
    "StudySettings",
    "check_replaces_no_fuller",
    "compare",
    "judge",
    "judge_scale",
    "load_scale",
    "load_study",
    "plan_scale",
    "plan_study",
    "prepare_study",
    "read_scale",
    "read_study",
    "scale",
    "write_scale",
    "write_verdicts",
]
