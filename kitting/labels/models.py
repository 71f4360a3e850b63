"""Own label paper, what printers do wrong with it, and the codes of account slips."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from kitting.devices.models import Device
from kitting.labels.sheets import A4, CROSS, RULER, Correction, Sheet

OWN_PAPER = "own-"


class LabelPaper(models.Model):
    """A label paper with measures of its own, in mm, `left` and `top` from the paper's corner."""

    name = models.CharField(max_length=40, unique=True)
    columns = models.PositiveSmallIntegerField()
    rows = models.PositiveSmallIntegerField()
    label_width = models.DecimalField(max_digits=6, decimal_places=2)
    label_height = models.DecimalField(max_digits=6, decimal_places=2)
    left = models.DecimalField(max_digits=6, decimal_places=2)
    top = models.DecimalField(max_digits=6, decimal_places=2)
    pitch_x = models.DecimalField(max_digits=6, decimal_places=2)
    pitch_y = models.DecimalField(max_digits=6, decimal_places=2)
    paper_width = models.DecimalField(max_digits=6, decimal_places=2, default=A4[0])
    paper_height = models.DecimalField(max_digits=6, decimal_places=2, default=A4[1])

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(columns__range=(1, 20), rows__range=(1, 40)),
                name="label_paper_has_labels",
            ),
            models.CheckConstraint(
                condition=Q(label_width__gt=0, label_height__gt=0, left__gte=0, top__gte=0),
                name="label_paper_is_positive",
            ),
            models.CheckConstraint(
                condition=Q(pitch_x__gte=F("label_width"), pitch_y__gte=F("label_height")),
                name="label_paper_does_not_overlap",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Return what this paper is called among all papers."""
        return f"{OWN_PAPER}{self.pk}"

    @property
    def sheet(self) -> Sheet:
        """Return the measures as they are drawn with."""
        return Sheet(
            key=self.key,
            columns=self.columns,
            rows=self.rows,
            label_width=float(self.label_width),
            label_height=float(self.label_height),
            left=float(self.left),
            top=float(self.top),
            pitch_x=float(self.pitch_x),
            pitch_y=float(self.pitch_y),
            paper=(float(self.paper_width), float(self.paper_height)),
            title=self.name,
        )


class Calibration(models.Model):
    """What somebody measured on the test page of one printer with one paper, in mm."""

    printer = models.CharField(max_length=40)
    paper_key = models.CharField(max_length=40)
    cross_left = models.DecimalField(max_digits=4, decimal_places=1, default=CROSS)
    cross_top = models.DecimalField(max_digits=4, decimal_places=1, default=CROSS)
    ruler_across = models.DecimalField(max_digits=4, decimal_places=1, default=RULER)
    ruler_down = models.DecimalField(max_digits=4, decimal_places=1, default=RULER)
    # Where the labels themselves lie elsewhere on their backing than the maker says.
    right = models.DecimalField(max_digits=4, decimal_places=1, default=0)
    down = models.DecimalField(max_digits=4, decimal_places=1, default=0)
    measured_at = models.DateTimeField()
    measured_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["printer", "paper_key"], name="calibration_once_a_printer_and_paper"
            ),
            models.CheckConstraint(
                condition=Q(cross_left__range=(10, 30), cross_top__range=(10, 30)),
                name="calibration_cross_in_reach",
            ),
            models.CheckConstraint(
                condition=Q(ruler_across__range=(90, 110), ruler_down__range=(90, 110)),
                name="calibration_ruler_in_reach",
            ),
            models.CheckConstraint(
                condition=Q(right__range=(-5, 5), down__range=(-5, 5)),
                name="calibration_shift_in_reach",
            ),
            models.CheckConstraint(
                condition=~Q(printer=""), name="calibration_names_its_printer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.printer}: {self.paper_key}"

    @property
    def correction(self) -> Correction:
        """Return what undoes the printer: drawn so, everything lands where it belongs."""
        scale_x, scale_y = RULER / float(self.ruler_across), RULER / float(self.ruler_down)
        return Correction(
            right=round(CROSS - float(self.cross_left) * scale_x + float(self.right), 3),
            down=round(CROSS - float(self.cross_top) * scale_y + float(self.down), 3),
            scale_x=scale_x,
            scale_y=scale_y,
        )


class AccountSlip(models.Model):
    """The slip with somebody's account; its code is compared with the box, never its place in a pile."""

    code = models.CharField(max_length=8, unique=True)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="account_slips")
    account = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    printed_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    matched_at = models.DateTimeField(null=True, blank=True)
    matched_device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="account_slips", null=True, blank=True
    )
    matched_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(retired_at__isnull=True),
                name="account_slip_one_in_force_a_person",
            ),
            models.CheckConstraint(
                condition=~Q(account=""), name="account_slip_has_an_account"
            ),
            models.CheckConstraint(
                condition=Q(matched_at__isnull=True, matched_device__isnull=True)
                | Q(matched_at__isnull=False, matched_device__isnull=False),
                name="account_slip_matched_with_a_box",
            ),
        ]

    def __str__(self) -> str:
        return self.code
