"""The words that people write: the part that an argument plays, read off its name, and the names of both directions.

A name is compared in lower case, without underscores and digits: `W1`, `w_2` and `W` are one word.
"""

import re
from collections.abc import Mapping

PARTS: Mapping[str, tuple[str, ...]] = {
    "x": ("x", "input", "inputs", "inp", "data", "images", "image", "img", "z", "a", "aprev", "inputdata",
          "inputtensor", "inputarray", "features", "feature", "net", "xs", "inputval", "xin", "signal", "values",
          "tensor", "u", "inpt", "ip", "inps", "points", "xx"),
    "predictions": ("logits", "predictions", "prediction", "pred", "preds", "ypred", "yhat", "ahat", "scores",
                    "score",
                    "output", "outputs", "al", "probabilities", "probs", "prob", "p", "ypredicted", "predicted", "o",
                    "yp", "yprob", "out"),
    "kernel": ("w", "weight", "weights", "kernel", "kernels", "filters", "filter", "wx", "wxh", "we", "wembed",
               "table",
               "theta", "wxc", "f"),
    "recurrent": ("wh", "whh", "recurrentkernel"),
    "bias": ("b", "bias", "biases", "bh", "bx"),
    "scale": ("gamma", "scale", "g"),
    "shift": ("beta", "shift"),
    "vocabulary": ("vocabsize", "vocab", "vocabularysize", "numembeddings", "numwords", "nvocab", "nwords"),
    "word_size": ("wordvecsize", "wordvec", "embeddingdim", "embedsize", "embeddim", "wordvecdim", "embeddingsize",
                  "dembed"),
    "targets": ("t", "ts", "target", "targets", "labels", "label", "ytrue", "truth", "groundtruth", "onehot", "yt",
                "tgt",
                "answer", "answers", "actual", "real", "truelabels", "yreal", "yactual"),
    "other": ("y", "ys"),
    "indices": ("idx", "index", "indices", "ids", "tokens", "tokenids", "inputids"),
    "state": ("h", "hprev", "prevh", "state", "hiddenstate", "prevstate", "aprevstate", "hp", "astate"),
    "hs": ("hs", "hiddens", "states", "encoderhiddens", "enchs"),
    "heads": ("heads", "nheads", "numheads", "nhead"),
    "repeats": ("nlayers", "numlayers", "nblocks", "numblocks"),
    "cell": ("c", "cprev", "prevc", "cellstate", "cp"),
    "mask": ("mask",),
    "stride": ("stride", "strides", "s", "poolstride", "convstride"),
    "pad": ("pad", "padding", "pads"),
    "window_h": ("poolh", "poolheight", "kh", "windowh", "hf", "filterheight", "hfilter", "kernelh", "hsize"),
    "window_w": ("poolw", "poolwidth", "kw", "windoww", "wf", "filterwidth", "wfilter", "kernelw", "wsize"),
    "window": ("pool", "poolsize", "window", "kernelsize", "filtersize", "size", "k", "fsize", "ksize", "poolingsize",
               "kernelshape", "poolshape", "filtershape", "kernelwidth", "windowsize"),
    "in_size": ("inputsize", "inputlen", "indim", "infeatures", "nin", "din", "inputdim", "ninputs", "d",
                "inputdims", "inchannels",
                "inputs", "numinputs", "nfeatures", "numfeatures", "insize", "inputunits", "channels", "inch", "cin",
                "numchannels", "nchannels", "inputchannels", "inputdepth", "depth", "fanin", "ninput", "innum",
                "inputneurons", "dim", "features", "dmodel", "nx", "normalizedshape", "inputnum", "dm", "dk", "dv"),
    "hidden_size": ("hiddensize", "hidden", "hiddendim", "nhidden", "hiddenunits", "units", "nunits", "nh"),
    "out_size": ("outputsize", "outdim", "outfeatures", "nout", "outputdim", "classes", "numclasses", "nclasses",
                 "outchannels", "nfilters", "nfilter", "numfilters", "numkernels", "dff", "outsize", "nout",
                 "noutputs", "outputs", "numoutputs", "nneurons",
                 "neurons", "numunits", "outputunits", "outch", "cout", "outputchannels", "fanout", "noutput",
                 "outnum",
                 "outputneurons", "ny", "filternum", "filtersnum", "numneurons", "nodes", "nclass"),
    "rate": ("dropoutratio", "rate", "dropout", "ratio", "droprate", "prob", "keepprob", "pdrop", "dropoutrate", "p",
             "probability", "dropprob", "dropoutprob", "pdropout", "keep"),
    "slope": ("alpha", "slope", "negativeslope", "leak"),
    "epsilon": ("eps", "epsilon"),
    "momentum": ("momentum", "decay"),
    "keepdims": ("keepdims", "keepdim"),
    "axes": ("axes", "perm", "permutation"),
    "place": ("slices", "slice", "key"),
    "low": ("xmin", "min", "minval", "low", "lower", "amin", "minvalue", "vmin"),
    "high": ("xmax", "max", "maxval", "high", "upper", "amax", "maxvalue", "vmax"),
    "running_mean": ("runningmean", "movingmean", "mean", "avgmean"),
    "running_var": ("runningvar", "movingvar", "var", "avgvar", "runningvariance"),
    "corpus": ("corpus",),
    "power": ("power",),
    "sample_size": ("samplesize", "numsamples"),
    "learning_rate": ("lr", "learningrate", "eta", "stepsize", "learnrate", "rate"),
    "groups": ("groups", "numgroups", "ngroups"),
    "axis": ("axis",),
    "conv_param": ("convparam", "convparams", "hparameters", "hparams"),
    "pool_param": ("poolparam", "poolparams"),
    "bn_param": ("bnparam", "lnparam", "gnparam", "bnparams", "lnparams"),
    "dropout_param": ("dropoutparam",),
    "regularization": ("reg", "lambda", "lam", "weightdecay", "lambd", "regularization", "l",
                       "weightdecaylambda", "regstrength", "regularizationstrength"),
    "hidden_dims": ("hiddensizes", "hiddenlayers", "hiddenunitslist", "hiddenlayersizes", "hiddensizelist",
                    "hiddendims"),
    "word_to_idx": ("wordtoidx", "wordtoid", "word2idx", "word2id"),
    "activation_name": ("activation", "activationfunction", "nonlinearity", "activationname", "actfunc"),
    "optimizer": ("optimizer", "optim", "opt"),
    "keeping": ("savecache", "cache", "store", "save", "keepcache", "retain", "retainderived", "savegrad"),
    "training": ("training", "train", "trainflg", "trainflag", "istrain", "istraining", "trainmode"),
}  # fmt: skip

# The upstream gradient, as it is called by those who receive it.
COTANGENTS = (
    "dout", "grad", "gradient", "gradoutput", "outputgradient", "gradout", "outgrad", "outputgrad", "dy", "dz", "da",
    "dh",
    "dl", "dloss", "delta", "error", "err", "upstream", "upstreamgradient", "upstreamgrad", "topdiff", "cotangent",
    "ct",
    "gy", "g", "gradients", "grads", "dldy", "dldout", "dldz", "dlda", "dldoutput", "dedy", "dnext", "dnexth",
    "dhnext",
    "dvalues", "accumgrad", "incominggradient", "ingrad", "nextdelta", "nextgrad", "dscores", "doutput", "dupstream",
    "loss", "lossgrad", "lossgradient", "diff", "topgrad", "outputerror", "outerror", "backwardgrad", "chaingrad",
    "pregrad", "dlogits", "residual", "sensitivity", "dlnext", "gout", "gradin", "gradnext", "eta", "deltanext",
    "previouspartialgradient", "partial", "backpropgradient", "dal", "din", "nextlayergradient", "dv", "dc",
)  # fmt: skip
CACHES = (
    "cache", "residuals", "residual", "res", "ctx", "context", "saved", "tape", "memory", "cached", "caches", "store",
)  # fmt: skip
OUTPUTS = ("out", "output", "y", "a", "o", "outputs", "activation", "activations", "yhat", "probs", "ypred", "h", "act")
FORWARD_METHODS = (
    "forward", "forwards", "forward_pass", "forwardpass", "forward_propagation", "forward_propagate", "forward_prop",
    "fprop",
    "feedforward",
    "feed_forward", "propagate", "fwd", "forprop", "activate", "activation", "function", "func", "fn", "f", "loss",
    "calculate", "compute", "evaluate", "apply", "call", "value", "calc", "compute_loss", "cost", "eval", "fp",
    "run", "act",
    "loss_function", "calculate_loss", "__call__",
)  # fmt: skip
BACKWARD_METHODS = (
    "backward", "backwards", "backward_pass", "backwardpass", "backward_propagation", "backward_propagate",
    "back_propagation",
    "back_propagate", "backpropagation", "backpropagate", "backprop", "back_prop", "bprop", "bwd", "backward_prop",
    "bp",
    "gradient", "grad", "derivative", "deriv", "prime", "delta", "dfn", "df", "derive", "derivate",
    "compute_gradient",
    "loss_gradient", "gradients", "loss_derivative", "loss_grad", "d", "dloss", "input_gradient", "fprime", "f_prime",
    "prime_function", "derivation", "activation_derivative", "function_derivative", "d_activation",
    "calculate_gradient",
    "func_deriv", "gradient_function", "diff", "back_propogate", "compute_derivative", "backward_prop",
    "propagate_back",
    "loss_prime", "cost_derivative", "backprop_pass", "gradient_loss",
)  # fmt: skip
# Methods that a layer may want to be called before its first forward: with the shape of its input, or an optimizer.
SETUPS = (
    "set_input_shape",
    "set_input_dim",
    "set_shape",
    "build",
    "initialize",
    "init_weights",
    "initialize_weights",
    "setup",
    "init_params",
    "initialize_parameters",
    "_build",
    "_init_params",
    "init",
    "create_weights",
    "compile",
)
# Words in the names of methods that clear what an object keeps from call to call, so that it is meant to keep it.
RESETS = ("zero_grad", "zerograd", "zero_gradients", "flush", "reset", "clear_grad", "init_grad", "cleargrads")
# The word that a function's name has in the place of "forward" where it is a backward.
BACKWARD_WORDS = ("backward", "backprop", "bwd", "grad", "gradient", "derivative", "deriv", "prime", "bprop",
                  "backpropagate",
                  "backpropagation", "backwards", "d", "der", "back", "dx", "diff", "bkwd", "derivate",
                  "derived")  # fmt: skip
FORWARD_WORDS = (
    "forward",
    "fwd",
    "fprop",
    "feedforward",
    "forwards",
    "propagate",
    "fn",
    "function",
    "func",
    "forwardpass",
)
# Words in the names of functions that give f'(x), which is no product with a cotangent yet.
SLOPES = ("gradient", "grad", "derivative", "deriv", "prime", "df", "dfn", "derive", "fprime", "d", "der", "diff",
          "derivate", "derivation", "derived")  # fmt: skip

# Words in the names of losses.
LOSSES = (
    "loss",
    "cost",
    "error",
    "objective",
    "criterion",
    "entropy",
    "mse",
    "mae",
    "hinge",
    "huber",
    "bce",
    "nll",
    "svm",
)
# Arguments of these parts are data where nothing comes back for them.
DATA = ("targets", "other", "mask", "indices", "rate", "regularization")
# A longer name by its words: the first row whose words, one of each group, are all in it. A count is a size.
COUNTS = {"num", "n", "number", "size", "dim", "dims", "count", "units", "length", "len", "width"}
WEIGHTS = {"w", "weight", "weights", "kernel", "kernels", "filter", "filters"}
HIDDEN = {"h", "hidden", "hid", "recurrent", "hh", "state"}
FLAGS = {"use", "is", "to", "with", "has", "do"}
WORDS: tuple[tuple[str, tuple[set[str], ...]], ...] = (
    ("input_shape", ({"shape"}, {"in", "input"})),
    (
        "regularization",
        (
            {"reg", "regularization", "l", "weight", "penalty"},
            {"lambda", "lam", "lambd", "strength", "decay", "coefficient", "coef", "penalty"},
        ),
    ),
    ("out_shape", ({"shape"}, {"out", "output"})),
    ("out_size", (COUNTS, {"out", "output", "outputs", "class", "classes", "filters", "kernels", "neurons"})),
    ("hidden_size", (COUNTS, {"hidden", "hid", "units"})),
    ("in_size", (COUNTS, {"in", "input", "inputs", "feature", "features", "channels", "embed", "embedding", "model"})),
    ("heads", (COUNTS, {"heads", "head"})),
    ("repeats", (COUNTS, {"layers", "blocks", "repeat", "repeats", "rep"})),
    ("recurrent", (WEIGHTS, HIDDEN)),
    ("kernel", (WEIGHTS,)),
    ("bias", ({"bias", "biases"},)),
    ("cell", ({"cell"},)),
    ("state", (HIDDEN, {"prev", "previous", "last", "state", "0", "init", "initial"})),
    ("hs", ({"hiddens", "states"},)),
    ("state", ({"hidden"},)),
    ("targets", ({"label", "labels", "target", "targets", "true", "truth"},)),
    ("predictions", ({"logits", "scores", "pred", "predicted", "predictions", "probs", "probabilities"},)),
    ("flag", (FLAGS,)),
    ("x", ({"x", "input", "inputs", "inp", "inpt", "data", "image", "images", "features"},)),
)
PART_OF = {name: part for part, names in reversed(PARTS.items()) for name in names}


def plain(name: str) -> str:
    """A name as it is compared: lower case, without underscores and digits."""
    return re.sub(r"[_\d]", "", name.lower())


def words_of(name: str) -> list[str]:
    """The words of a name in snake_case or camelCase."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)


def part_of(argument: str) -> str | None:
    """The part that an argument of this name plays, if the name tells."""
    return PART_OF.get(plain(argument)) or PART_OF.get(argument.lower()) or _by_words(argument)


def _by_words(argument: str) -> str | None:
    words = {word.lower() for word in words_of(argument)}
    found = (part for part, groups in WORDS if all(group & words for group in groups))
    return next(found, None) if len(words) > 1 else None


def is_cotangent(name: str) -> bool:
    """Whether an argument of a backward is, by its name, the gradient that comes from above."""
    word, parts = plain(name), [part for part in name.lower().split("_") if part]
    if len(parts) > 1 and (
        parts[0] == "d" or parts[0] in COTANGENTS or parts[-1] in ("grad", "gradient", "delta", "error")
    ):
        return True
    return word in COTANGENTS or word.startswith(("grad", "upstream", "dl", "dout", "delta")) or word.endswith("grad")


def is_cache(name: str) -> bool:
    """Whether an argument of a backward is, by its name, what the forward saved."""
    return plain(name) in CACHES or plain(name).endswith("cache")
