"""The fields of forms in the record of a tensor: records.md, "Forms"."""
from .errors import require
from .fields import Fields

DENSE, LOWER, POLAR_FORM, RIDER, VIEW, PIVOT = range(6)


def take(tensor, fields):
    """Forms: the form and the stored elements. Returns the fields of the form, whatever they are."""
    tensor.form, tensor.stored = fields.u8(), fields.var()
    return fields.string()


def parse(tensor, form_fields, where):
    """Forms: the fields of a known form, which fill their length."""
    require(tensor.form != DENSE, "malformed", f"{where}: the form dense is stated")
    if tensor.form > PIVOT:
        return
    fields = Fields(form_fields, f"{where}: form {tensor.form}")
    if tensor.form in (POLAR_FORM, RIDER):
        tensor.group = fields.var32()
    if tensor.form == VIEW:
        tensor.back, tensor.begin = fields.var32(), fields.var()
        tensor.strides = [fields.var() for _ in tensor.shape]
    if tensor.form == PIVOT:
        tensor.axis, tensor.bitmap = fields.u8(), fields.take(fields.left())
    fields.end()
