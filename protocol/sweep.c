#include "protocol/sweep.h"

enum sweep_step sweep_next(enum sweep_step at, enum step_outcome outcome)
{
    if (outcome == STEP_LOST)
        return SWEEP_DONE;
    if (outcome == STEP_NO_ANSWER)
        return at;
    switch (at) {
    case SWEEP_CANCEL:
        return SWEEP_WAIT;
    case SWEEP_WAIT:
        return SWEEP_APPEND;
    case SWEEP_APPEND:
        return SWEEP_FOLD;
    case SWEEP_FOLD:
        return SWEEP_FINISH;
    case SWEEP_FINISH:
    case SWEEP_DONE:
        break;
    }
    return SWEEP_DONE;
}
